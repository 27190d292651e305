"""A certificate of its own for the simulated masters, made by openssl."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

from appliance import commands
from appliance.errors import ApplianceError


class Certificate:
    """Self-signed for the given addresses, in a folder that goes with `remove`."""

    def __init__(self, address: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="lab-marathon-")
        folder = Path(self._folder.name)
        self.path, self._key = folder / "marathon.pem", folder / "marathon.key"
        key = [
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-keyout",
            str(self._key),
        ]
        names = ["-subj", "/CN=marathon.lab", "-addext", f"subjectAltName=IP:{address},DNS:localhost"]
        made = commands.run(["openssl", "req", "-x509", "-days", "30", *key, *names, "-out", self.path])
        if made.code != 0:
            raise ApplianceError(f"openssl made no certificate: {made.message}")

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path, self._key)
        return context

    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.path))

    def remove(self) -> None:
        self._folder.cleanup()
