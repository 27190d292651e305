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
    from appliance.settings import Current

log = logging.getLogger(__name__)

COUNT_INTERVAL_S = 0.5
NOBODY = "192.0.2.1"
"""Reserved for documentation (RFC 5737)."""


class OpenConnections:
    """Keeps connections alive over a move. `turn` at every turn of the loop; it never waits for a count."""

    def __init__(self, paths: Paths, settings: Current) -> None:
        self._paths = paths
        self._settings = settings
        self._vip = settings.read().vip
        self._record = Handover()
        self._counting: Future[tuple[int | None, int | None]] | None = None
        self._count_at = 0.0
        self._counter = ThreadPoolExecutor(1, "count")
        self._usable = True
        self.words = "on"
        """For the report: `on`, or `off: ` and why open connections may be cut."""

    def begin(self) -> None:
        """Clean what a killed program left, and try on addresses that nobody has what a move needs."""
        try:
            forwarding.release(self._paths)
            forwarding.arm(NOBODY, "lo", NOBODY)
            forwarding.disarm()
        except (ApplianceError, OSError) as error:
            self._usable = False
            self._say(error)

    def turn(self, state: State, own: int | None, adverts: Sequence[Advert]) -> None:
        """Follow what was seen since the last turn."""
        if self._settings.read().vip != self._vip:
            self._undo()
            self._vip = self._settings.read().vip
        now = time.monotonic()
        handed_over, connections = self._counts(now)
        heard = tuple(Heard(it.source, it.priority) for it in adverts) if self._usable else ()
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
            self._say(error)

    def _do(self, action: Action) -> None:
        if isinstance(action, Arm):
            log.info("ready to pass on open connections to %s", action.former)
            forwarding.arm(self._vip.address, self._vip.interface, action.former)
        elif isinstance(action, Disarm):
            forwarding.disarm()
        elif isinstance(action, Keep):
            forwarding.keep(self._paths, self._vip.address, self._vip.interface)
        else:
            forwarding.release(self._paths)

    def _say(self, error: Exception) -> None:
        words = f"off: {error}"
        if words != self.words:
            self.words = words
            events.record(self._paths.events, "vrrp", f"a planned move cuts open connections: {error}")

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
            forwarding.handed_over() if record.forwards else None,
            forwarding.connections(vip) if record.lingers else None,
        )
    except (ApplianceError, OSError):
        return None, None
