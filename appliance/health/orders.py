"""What the operator ordered, as files that survive a reboot: a drain, a preferred node, a pause."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance import files
from appliance.health.reports import Report

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.paths import Paths


@dataclass(frozen=True)
class Orders:
    """What is ordered now."""

    drained: bool = False
    reason: str = ""
    """Of the drain, for people."""
    preferred: str = ""
    """Address of the node that shall have the VIP while it is healthy."""
    preferred_name: str = ""
    insists: bool = False
    """Also while that node is degraded."""
    paused: bool = False
    frozen: int | None = None
    """The weight that this node had when the pause began."""


class Reader:
    """Looks at the files again only when they changed."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._drain, self._preferred, self._pause = map(Report, (paths.drain, paths.preferred, paths.pause))

    def read(self) -> Orders:
        """A file that cannot be read still counts as an order: it was one."""
        now = time.time()
        drain, preferred, pause = self._drain.read(), self._preferred.read(), self._pause.read()
        drained, paused = self._paths.drain.exists(), self._paths.pause.exists()
        leaving = self._paths.leaving.exists()
        frozen = pause.get("weight")
        return Orders(
            drained=leaving or (drained and not over(drain, now)),
            reason="stops" if leaving else str(drain.get("reason", "")),
            preferred=str(preferred.get("address", "")),
            preferred_name=str(preferred.get("name", "")),
            insists=preferred.get("insists") is True,
            paused=paused and not leaving,
            frozen=frozen if isinstance(frozen, int) else None,
        )

    def end_what_is_over(self) -> str:
        """Remove a maintenance whose time has come. Returns that in words, or ''."""
        drain = self._drain.read()
        if not over(drain, time.time()):
            return ""
        withdraw(self._paths.drain)
        return f"its time is over{': ' if drain.get('reason') else ''}{drain.get('reason', '')}"


def over(drain: dict[str, object], now: float) -> bool:
    until = drain.get("until")
    return isinstance(until, (int, float)) and now >= until


def give(path: Path, **facts: object) -> None:
    """Order something, durably."""
    files.replace(path, json.dumps({"since": time.time(), **facts}) + "\n")


def withdraw(path: Path) -> bool:
    """Whether it was ordered."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    files.sync_folder(path.parent)
    return True
