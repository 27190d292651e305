"""One look of a health check at a task. The only file that connects to tasks."""

from __future__ import annotations

import http.client
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.lab.marathon.model import Instance, Json


@dataclass(frozen=True)
class Look:
    """Where to look and how."""

    protocol: str
    address: str
    port: int
    path: str
    timeout_s: float


def look_at(instance: Instance, check: Json) -> Look | None:
    """What `check` asks of this instance; None when there is nothing to connect to.

    COMMAND runs inside a container we do not have: a running task passes.
    """
    index = check.get("portIndex", 0)
    port = check.get("port") or (instance.listens[index] if index < len(instance.listens) else 0)
    if check["protocol"] == "COMMAND" or not port or instance.agent is None:
        return None
    return Look(
        check["protocol"], instance.agent.address, port, check.get("path", "/"), check["timeoutSeconds"]
    )


def failure(look: Look | None) -> str | None:
    """Why it is not healthy, None when it is. HTTPS only connects: our tasks have no certificates."""
    if look is None:
        return None
    try:
        if look.protocol in ("HTTP", "MESOS_HTTP"):
            return _http(look)
        socket.create_connection((look.address, look.port), look.timeout_s).close()
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    return None


def _http(look: Look) -> str | None:
    connection = http.client.HTTPConnection(look.address, look.port, timeout=look.timeout_s)
    try:
        connection.request("GET", look.path, headers={"Connection": "close"})
        status = connection.getresponse().status
    finally:
        connection.close()
    return None if 200 <= status < 400 else f"HTTP status {status}"
