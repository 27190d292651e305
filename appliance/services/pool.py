"""The servers of a service: which tasks, in which order, under which names and ids.

Names, ids and cookie values are marathon-lb's: deployment tools and statistics rely on them.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from appliance.haproxy.model import Server

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.marathon.model import App, Task

ID_SPACE = 32767
_GONE = frozenset(
    (
        "TASK_STAGING",
        "TASK_STARTING",
        "TASK_KILLING",
        "TASK_KILLED",
        "TASK_FINISHED",
        "TASK_FAILED",
        "TASK_ERROR",
        "TASK_DROPPED",
        "TASK_GONE",
        "TASK_GONE_BY_OPERATOR",
        "TASK_UNKNOWN",
    )
)
"""Not serving yet, or not any more. RUNNING, LOST, UNREACHABLE and an unknown state may well serve."""


def servers(
    app: App,
    n: int,
    addresses: Mapping[str, str],
    *,
    only_alive: bool,
    sticky: bool,
    checked_at: int | None = None,
    disabled: frozenset[str] = frozenset(),
) -> tuple[Server, ...]:
    """The servers of port `n` of `app`, without duplicates, ordered by host (as text) and port.

    `checked_at`: the index of the port where they are checked instead. `disabled`: ids of drained tasks.
    """
    only_alive = only_alive and bool(app.health_checks)
    places: dict[tuple[str, int], str] = {}
    check_ports: dict[tuple[str, int], int] = {}
    active: set[tuple[str, int]] = set()
    for task in app.tasks:
        endpoint = task.endpoints[n] if n < len(task.endpoints) else None
        if endpoint is None or not _ready(task, only_alive=only_alive):
            continue
        address = addresses.get(endpoint.host, "")
        if address:
            place = (address, endpoint.port)
            places[place] = min(endpoint.host, places.get(place, endpoint.host))
            if task.id not in disabled:
                active.add(place)
            if checked_at is not None and checked_at < len(task.endpoints):
                elsewhere = task.endpoints[checked_at]
                if elsewhere is not None:
                    check_ports[place] = elsewhere.port
    taken: set[int] = set()
    found = []
    for host, port, address in sorted((host, port, address) for (address, port), host in places.items()):
        name = server_name(host, address, port)
        server_id = _server_id(name, taken)
        taken.add(server_id)
        cookie = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()[:10] if sticky else ""
        place = (address, port)
        found.append(
            Server(
                name,
                address,
                port,
                server_id,
                cookie,
                check_ports.get(place),
                place not in active,
                host if host != address else "",
            )
        )
    return tuple(found)


def server_name(host: str, address: str, port: int) -> str:
    full = f"{address}_{port}" if host == address else f"{host}_{address}_{port}"
    return re.sub("[^a-zA-Z0-9-]", "_", full)


def _ready(task: Task, *, only_alive: bool) -> bool:
    return task.state not in _GONE and (not only_alive or any(task.alive))


def _server_id(name: str, taken: set[int]) -> int:
    """marathon-lb's id of `name`: hashed again, together with its own hash, until it is free."""
    while True:
        digest = hashlib.sha256(name.encode()).hexdigest()
        server_id = int(digest, 16) % ID_SPACE
        if server_id and server_id not in taken:
            return server_id
        name = f"{name} {digest}"
