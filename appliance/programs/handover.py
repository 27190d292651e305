"""Open connections survive a planned move of the VIP: seen, decided in `keepalived.handover`, done."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from appliance.errors import ApplianceError
from appliance.keepalived import forwarding
from appliance.keepalived.handover import Arm, Disarm, Handover, Heard, Keep, Look, actions, step
from appliance.status import events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.keepalived.advert import Advert
    from appliance.keepalived.handover import Action
    from appliance.keepalived.notify import State
    from appliance.paths import Paths
    from appliance.settings import Vip

log = logging.getLogger(__name__)

COUNT_INTERVAL_S = 0.5
NOBODY = "192.0.2.1"
"""Reserved for documentation (RFC 5737)."""


def missing(paths: Paths) -> str:
    """Clean what a killed program left, and try on addresses that nobody has what a move needs.

    Returns why open connections cannot survive a move on this machine; '' if they can.
    """
    try:
        forwarding.release_all(paths)
        forwarding.disarm_all()
        forwarding.arm(NOBODY, "lo", NOBODY)
        forwarding.disarm(NOBODY)
    except (ApplianceError, OSError) as error:
        return str(error)
    return ""


class OpenConnections:
    """Keeps connections to one VIP alive over a move. `turn` at every turn of the loop; it never waits."""

    def __init__(self, paths: Paths, vip: Vip, interface: str, obstacle: str) -> None:
        """`obstacle`: why this machine cannot do it at all; '' if it can."""
        self._paths = paths
        self._vip = vip
        self._interface = interface
        self._record = Handover()
        self._counting: Future[tuple[int | None, int | None]] | None = None
        self._count_at = 0.0
        self._counter = ThreadPoolExecutor(1, "count")
        obstacle = obstacle or ("IPv6 is not passed on" if vip.family == 6 else "")
        self._usable = not obstacle
        self.words = "on"
        """For the report: `on`, or `off: ` and why open connections may be cut."""
        if obstacle:
            self._say(obstacle)

    def turn(self, state: State, own: int | None, adverts: Sequence[Advert]) -> None:
        """Follow what was seen since the last turn."""
        if not self._usable:
            return
        now = time.monotonic()
        handed_over, connections = self._counts(now)
        heard = tuple(Heard(it.source, it.priority) for it in adverts)
        before = self._record
        self._record = step(before, Look(state, own, heard, handed_over, connections), now)
        for action in actions(before, self._record):
            self._try(action)
        if before.forwards and not self._record.former:
            log.info("no longer passes on; last count: %d packets to %s", before.handed_over, before.former)

    def end(self) -> None:
        self._undo()
        self._counter.shutdown()

    def _undo(self) -> None:
        nothing = Handover()
        for action in actions(self._record, nothing):
            self._try(action)
        self._record = nothing

    def _try(self, action: Action) -> None:
        """A move goes on without what the machine refuses: connections are cut then, nothing else."""
        try:
            self._do(action)
        except (ApplianceError, OSError) as error:
            self._say(str(error))

    def _do(self, action: Action) -> None:
        if isinstance(action, Arm):
            log.info("ready to pass on open connections of %s to %s", self._vip.address, action.former)
            forwarding.arm(self._vip.address, self._interface, action.former)
        elif isinstance(action, Disarm):
            forwarding.disarm(self._vip.address)
        elif isinstance(action, Keep):
            forwarding.keep(self._paths, self._vip.address, self._interface)
        else:
            forwarding.release(self._paths, self._vip.address)

    def _say(self, why: str) -> None:
        words = f"off: {why}"
        if words != self.words:
            self.words = words
            text = f"a planned move of {self._vip.address} cuts open connections: {why}"
            events.record(self._paths.events, "vrrp", text)

    def _counts(self, now: float) -> tuple[int | None, int | None]:
        """What the background counted since the last turn; begins the next count when it is due."""
        done: tuple[int | None, int | None] = (None, None)
        if self._counting is not None:
            if not self._counting.done():
                return done
            done, self._counting = self._counting.result(), None
        record = self._record
        if (record.forwards or record.lingers) and now >= self._count_at:
            self._count_at = now + COUNT_INTERVAL_S
            self._counting = self._counter.submit(_count, record, self._vip.address)
        return done


def _count(record: Handover, vip: str) -> tuple[int | None, int | None]:
    """Packets passed on, and open connections; each only while it matters."""
    try:
        return (
            forwarding.handed_over(vip) if record.forwards else None,
            forwarding.connections(vip) if record.lingers else None,
        )
    except (ApplianceError, OSError):
        return None, None
