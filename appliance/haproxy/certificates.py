"""Certificates of :443: those given that can be used, else a self-signed one made by openssl."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import commands, files

if TYPE_CHECKING:
    from collections.abc import Sequence

SELF_SIGNED = "self-signed.pem"


def usable(paths: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which of these PEM files HAProxy can load, and one notice for each that it cannot."""
    good, notices = [], []
    for path in dict.fromkeys(paths):
        fault = _fault(path)
        if fault:
            notices.append(f"certificate {path}: {fault}; :443 goes on without it")
        else:
            good.append(path)
    return tuple(good), tuple(notices)


def self_signed(folder: Path) -> tuple[str, str]:
    """The certificate in `folder` that stands in for a missing one, made once; and the notice of it."""
    path = folder / SELF_SIGNED
    if not path.exists():
        with tempfile.TemporaryDirectory(prefix=".self-signed.", dir=folder) as made:
            key, certificate = Path(made, "key.pem"), Path(made, "certificate.pem")
            argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650"]
            done = commands.run([*argv, "-subj", "/CN=*", "-keyout", key, "-out", certificate], timeout_s=60)
            if done.code != 0:
                return "", f"no certificate for :443, and openssl could not make one: {done.message}"
            owner = "" if os.geteuid() != 0 else str(folder.owner())
            files.replace(path, certificate.read_text() + key.read_text(), mode=0o600, owner=owner)
    return str(path), f"no certificate was given for :443: it uses the self-signed {path}"


def _fault(path: str) -> str:
    """Why HAProxy cannot use this PEM file; '' if it can. HAProxy itself is asked."""
    try:
        Path(path).open("rb").close()
    except OSError as error:
        return error.strerror or str(error)
    with tempfile.NamedTemporaryFile("w", prefix="appliance-lb-", suffix=".cfg") as probe:
        probe.write(
            "defaults\n  mode http\n  timeout client 1s\n"
            f"frontend probe\n  bind 127.0.0.1:443 ssl crt {path}\n"
        )
        probe.flush()
        done = commands.run(["haproxy", "-c", "-f", probe.name])
    if done.code == 0:
        return ""
    alerts = [line for line in done.message.splitlines() if "unable to" in line or "crt" in line]
    return (alerts or [done.message])[0].rpartition("parsing ")[2]
