"""What a support bundle holds: text files by name, without the secrets of this node. Reads only."""

from __future__ import annotations

import json
import platform
import re
import time
from typing import TYPE_CHECKING

from appliance import __version__, commands, files
from appliance.errors import ApplianceError
from appliance.status import apps, cluster, document
from appliance.status.redacted import REMOVED, redacted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from appliance.paths import Paths
    from appliance.settings import Settings

TAIL = 1_000_000
"""Bytes of the end of each log."""
PATIENCE_S = 10.0
COMMANDS = (
    ("haproxy", "-vv"),
    ("keepalived", "--version"),
    ("ip", "address"),
    ("ip", "route"),
    ("ip", "neighbour"),
    ("ss", "-lntup"),
    ("df", "-h"),
    ("free", "-m"),
    ("uname", "-a"),
)
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_VRRP_PASSWORD = re.compile(r"(\bauth_pass\s+)\S+")
_SHORTEST = 4
"""A shorter secret would be found in every other word; the rules for what surrounds it remain."""


def entries(paths: Paths, settings: Settings | None) -> Iterator[tuple[str, str]]:
    """Name and text of each file. What cannot be had is said in its place."""
    secrets = known_secrets(paths)
    for name, text in _found(paths, settings):
        yield name, masked(text, secrets)


def masked(text: str, secrets: Sequence[str]) -> str:
    """Known secrets wherever they stand, and what looks like one."""
    for secret in secrets:
        text = text.replace(secret, REMOVED)
    return redacted(_VRRP_PASSWORD.sub(rf"\1{REMOVED}", _KEY.sub(REMOVED, text)))


def known_secrets(paths: Paths) -> tuple[str, ...]:
    """The longest first. What is read here goes nowhere but into the comparison."""
    login = (files.read(paths.credentials) or "").partition("\n")[0].strip()
    found = {login, login.partition(":")[2]}
    found |= {(files.read(path) or "").strip() for path in (paths.cluster_secret, paths.node_secret)}
    return tuple(sorted((it for it in found if len(it) >= _SHORTEST), key=len, reverse=True))


def _found(paths: Paths, settings: Settings | None) -> Iterator[tuple[str, str]]:
    yield (
        "versions.txt",
        f"appliance {__version__}\npython {platform.python_version()}\n{platform.platform()}\n",
    )
    if settings is not None:
        view = cluster.ask(settings)
        yield "status.json", json.dumps(document.document(view, time.time()), indent=2)
    yield "apps.json", _apps(paths)
    for path in (paths.lb_report, paths.health_report, paths.vrrp_report):
        yield f"reports/{path.name}", _text(path)
    for path in (paths.settings, paths.supervisord_conf):
        yield f"etc/{path.name}", _text(path)
    for path in (paths.haproxy_cfg, *sorted(paths.haproxy.glob("maps-*/*"))):
        yield f"haproxy/{path.relative_to(paths.haproxy)}", _text(path)
    yield "keepalived/keepalived.conf", _text(paths.keepalived_conf)
    for path in sorted(paths.history.glob("*/generation.json")):
        yield f"history/{path.parent.name}.json", _text(path)
    for path in sorted(it for it in (*paths.log.glob("*.log"), paths.events) if it.is_file()):
        yield f"log/{path.name}", _tail(path)
    for command in COMMANDS:
        yield f"commands/{'-'.join(command).replace('--', '-')}.txt", _said(command)


def _apps(paths: Paths) -> str:
    try:
        return json.dumps(apps.ask(paths.lb_socket), indent=2)
    except ApplianceError as error:
        return f"{error}\n"


def _text(path: Path) -> str:
    try:
        text = files.read(path)
    except OSError as error:
        return f"{path}: {error.strerror}\n"
    return f"{path}: no such file\n" if text is None else text


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - TAIL, 0))
            return file.read().decode("utf-8", "replace")
    except OSError as error:
        return f"{path}: {error.strerror}\n"


def _said(command: Sequence[str]) -> str:
    try:
        done = commands.run(command, timeout_s=PATIENCE_S)
    except ApplianceError as error:
        return f"{error}\n"
    return done.output + done.errors
