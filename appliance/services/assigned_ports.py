"""Service ports for tasks with addresses of their own, to which Marathon gives none.

Every load balancer finds the same ones: they follow from the app ids and task ports alone.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from appliance.marathon.model import App

_CANDIDATES = 50
NONE: Mapping[int, int] = {}


def assigned_ports(
    apps: Iterable[App], ports: tuple[int, int] | None
) -> tuple[dict[str, dict[int, int]], list[str]]:
    """App id -> index -> port, and notices of those for whom none was left."""
    found: dict[str, dict[int, int]] = {}
    notices: list[str] = []
    taken: set[int] = set()
    if ports is None:
        return found, notices
    wanting = [app for app in apps if app.tasks and any(port.task_port is not None for port in app.ports)]
    for app in sorted(wanting, key=lambda app: app.id):
        for n, port in enumerate(app.ports):
            if port.task_port is None:
                continue
            free = _free(app.id, port.task_port, ports, taken)
            if free:
                taken.add(free)
                found.setdefault(app.id, {})[n] = free
            else:
                notices.append(
                    f"{app.id}: port {n} has no service port, and none of {ports[0]} to {ports[1]} is left; "
                    "its vhosts are served all the same"
                )
    return found, notices


def _free(app_id: str, task_port: int, ports: tuple[int, int], taken: set[int]) -> int:
    """marathon-lb's choice: the first of 50 hashed candidates that is free, then the first free; 0: none."""
    first, last = ports
    size = last - first + 1
    if len(taken) >= size:
        return 0
    for attempt in range(_CANDIDATES):
        digest = hashlib.sha1(f"{app_id}-{task_port}-{attempt}".encode(), usedforsecurity=False).hexdigest()
        candidate = first + int(digest[:8], 16) % size
        if candidate not in taken:
            return candidate
    return next(port for port in range(first, last + 1) if port not in taken)
