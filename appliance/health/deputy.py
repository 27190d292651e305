"""Stands in for a dead or frozen health program: its last verdict must not stay true without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from appliance import files
from appliance.health import reports
from appliance.health.orders import Reader
from appliance.health.verdict import Verdict

if TYPE_CHECKING:
    from appliance.paths import Paths


class Deputy:
    """Call `watch` a few times a second. `acting` while health is silent; health overwrites it later."""

    def __init__(self, paths: Paths, releases: Callable[[], bool] = lambda: False) -> None:
        """`releases`: whether a node without a working load balancer may not hold the VIP."""
        self._paths = paths
        self._releases = releases
        self._orders = Reader(paths)
        self._track = files.Tried(paths.track_file)
        self.acting = False

    def watch(self, *, ended: bool = False) -> str:
        """Write "no load balancer" in health's place once it is silent. Returns a change in words, or ''.

        `ended`: its process is known to be dead, whatever the heartbeat says.
        """
        silent = ended or not reports.lives(self._paths)
        if silent:
            self._write()
        if silent == self.acting:
            return ""
        self.acting = silent
        if not silent:
            return "the health program lives again and gives the verdict itself"
        age_s = reports.heartbeat_age_s(self._paths)
        why = "has ended" if ended else "has not run yet" if age_s is None else f"is silent for {age_s:.1f} s"
        return f"the health program {why}: this node counts as having no load balancer"

    def _write(self) -> None:
        ordered = self._orders.read()
        if not ordered.paused:
            verdict = Verdict.NO_LB_DRAINING if ordered.drained else Verdict.NO_LB
            verdict = Verdict.FAULT if self._releases() else verdict
            self._track.write(lambda: reports.write_weight(self._paths, verdict))
