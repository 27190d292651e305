"""What the generator says about each app, asked on its unix socket; and that as lines for people."""

from __future__ import annotations

import http.client
import json
import socket
from typing import TYPE_CHECKING, Any

from appliance.errors import EngineError, NotRunningError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

PAGE = "/apps.json"
"""Only on the socket: :9090 does not show it."""
PATIENCE_S = 10.0
UP = ("UP", "no check")


def ask(path: Path) -> dict[str, Any]:
    """Raises NotRunningError if nobody answers there, EngineError if the answer is none."""
    connection = UnixConnection(str(path), timeout=PATIENCE_S)
    try:
        connection.request("GET", PAGE)
        answer = connection.getresponse()
        text = answer.read().decode()
    except (OSError, http.client.HTTPException) as error:
        raise NotRunningError(f"the generator does not answer on {path}: {error}") from None
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise EngineError(f"the generator cannot say: {text.strip()}")
    found: dict[str, Any] = json.loads(text)
    return found


def lines(listing: Mapping[str, Any], wanted: Collection[str] = ()) -> Iterator[str]:
    """Of all apps, or of `wanted` with each server."""
    for app in listing["apps"]:
        if wanted and app["id"] not in wanted:
            continue
        yield app["id"]
        for service in app["services"]:
            yield f"  {_service(service)}"
            if wanted:
                yield from (f"      {_server(server)}" for server in service["servers"])
        yield from (f"  QUARANTINED  {reason}" for reason in app["quarantined"])
        yield from (f"  notice  {notice}" for notice in app["notices"])
    if not wanted:
        yield from (f"notice  {notice}" for notice in listing["notices"])


def _service(service: Mapping[str, Any]) -> str:
    servers = service["servers"]
    up = sum(server["state"].startswith(UP) for server in servers)
    hosts = [host + path for host in service["vhosts"] for path in service["paths"] or ("",)]
    port = f":{service['port']}" if service["port_open"] else "no port of its own"
    words = [
        f"{service['index']}",
        service["backend"],
        service["mode"],
        port,
        *([",".join(hosts)] if hosts else []),
        f"{up} of {len(servers)} servers up",
        *(["as it was good last"] if service["last_good"] else []),
    ]
    return "  ".join(words)


def _server(server: Mapping[str, Any]) -> str:
    address = f"[{server['address']}]" if ":" in server["address"] else server["address"]
    return f"{server['name']}  {address}:{server['port']}  {server['state'] or 'not known'}"


class UnixConnection(http.client.HTTPConnection):
    """HTTP on a unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
