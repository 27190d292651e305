"""Who leads: one master, or none while a session expires or an election goes on."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Condition, Timer
from typing import TYPE_CHECKING, Callable

from appliance.lab.marathon.overrides import Overrides

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Timing:
    """Seconds. The defaults suit a test; a real cluster needs about 10 s for each of the first two."""

    session_s: float = 0.2
    """Until a leader that vanished is known to be gone; meanwhile the others still send clients to it."""
    election_s: float = 0.2
    """Until the next one is ready."""
    wait_s: float = 2.75
    """A request waits that long for a leader."""
    connect_s: float = 5.0
    """A standby's connection to the leader …"""
    read_s: float = 10.0
    """… and its answer."""


class Election:
    """Masters are numbers. `on_change` is called with the leader, or None, outside the lock, in order."""

    def __init__(self, masters: int, timing: Timing, on_change: Callable[[int | None], None]) -> None:
        self.timing = timing
        self.election_s = Overrides(timing.election_s)
        self.confused = Overrides(False)
        self._candidates = set(range(masters))
        self._leader: int | None = 0
        self._believed: int | None = 0
        self._last = 0
        self._masters = masters
        self._on_change = on_change
        self._timer: Timer | None = None
        self._changed = Condition()

    @property
    def leader(self) -> int | None:
        """Who leads and serves."""
        return self._leader

    def believed(self, by: int) -> int | None:
        """Whom the master `by` takes for the leader, waiting for an election to end; None: still nobody."""
        if self.confused.current and self._masters > 1:
            return (by + 1) % self._masters
        with self._changed:
            self._changed.wait_for(lambda: self._believes(by) is not None, self.timing.wait_s)
            return self._believes(by)

    def _believes(self, by: int) -> int | None:
        """A master that lost its own leadership knows at once."""
        return None if self._believed == by != self._leader else self._believed

    def abdicate(self) -> None:
        self._lead(None, None)
        self._after(self.election_s.current, self._elect)

    def vanish(self, master: int) -> None:
        """It is no candidate any more; when it led, its session has to expire first."""
        self._candidates.discard(master)
        if self._leader == master:
            self._lead(None, master)
            self._after(self.timing.session_s, self.abdicate)

    def appear(self, master: int) -> None:
        self._candidates.add(master)
        if self._leader is None and self._timer is None:
            self._after(self.election_s.current, self._elect)

    def stop(self) -> None:
        with self._changed:
            self._masters = 0
            if self._timer:
                self._timer.cancel()

    def _elect(self) -> None:
        order = sorted(self._candidates, key=lambda each: (each - self._last - 1) % max(1, self._masters))
        self._timer = None
        if order and self._masters:
            self._last = order[0]
            self._lead(order[0], order[0])

    def _lead(self, leader: int | None, believed: int | None) -> None:
        with self._changed:
            changed = self._leader != leader
            self._leader, self._believed = leader, believed
        if changed:
            self._on_change(leader)
        with self._changed:
            self._changed.notify_all()

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = Timer(seconds, call)
        self._timer.daemon = True
        self._timer.start()


def named(leader: int | None, netlocs: Sequence[str]) -> str | None:
    return None if leader is None else netlocs[leader]
