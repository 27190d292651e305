"""`appliance support-bundle`: what somebody needs who shall help, in one file without secrets."""

from __future__ import annotations

import io
import os
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import settings as toml
from appliance.cli import command
from appliance.errors import ApplianceError, SettingsError
from appliance.paths import NAME, Paths
from appliance.status import bundle

if TYPE_CHECKING:
    import argparse

    from appliance.cli.command import Parser
    from appliance.settings import Settings

FINE = 0
DESCRIPTION = """Settings, configurations, reports, logs and versions of this node in one .tar.gz.

Left out: Marathon's credentials, the nodes' secrets, private keys, certificates. Passwords in what is
taken are replaced by (removed). Its content is listed: look at it before you give it away."""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    made = commands.add_parser("support-bundle", help="settings, logs, states in one file, without secrets")
    made.description = DESCRIPTION
    made.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="default: in this folder, by node and time"
    )
    made.set_defaults(call=_bundle)


def _bundle(arguments: argparse.Namespace) -> int:
    command.need_root("appliance support-bundle")
    paths = Paths.of(arguments.root)
    own, trouble = _settings(paths)
    name = own.cluster.node.name if own else "node"
    stem = f"{NAME}-{name}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
    target = arguments.output or Path(f"{stem}.tar.gz")
    try:
        # Not readable by others, and nothing that is there is overwritten.
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as made:
            if trouble:
                _add(made, f"{stem}/trouble.txt", f"{trouble}\n")
            for entry, text in bundle.entries(paths, own):
                _add(made, f"{stem}/{entry}", text)
    except OSError as error:
        raise ApplianceError(f"{target}: {error.strerror}") from None
    print(f"{target}: secrets are removed; look at it before you give it away")
    return FINE


def _settings(paths: Paths) -> tuple[Settings | None, str]:
    """A node whose settings are wrong needs help, too."""
    try:
        return toml.load(paths.settings), ""
    except SettingsError as error:
        return None, str(error)


def _add(made: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode("utf-8", "replace")
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(data), 0o600, int(time.time())
    made.addfile(entry, io.BytesIO(data))
    print(f"  {name.partition('/')[2]}  {len(data)} bytes")
