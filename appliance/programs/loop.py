"""When a program acts: reasons to act come from any thread or signal, and are folded by pace."""

from __future__ import annotations

import queue
import signal
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


class Wake(Enum):
    """Why the loop wakes up."""

    CHANGED = "something changed in Marathon"
    REGENERATE = "SIGHUP"
    RELOAD = "SIGUSR1"
    STOP = "SIGTERM"


class Wakes:
    """Reasons to act. `put` may be called by any thread and inside a signal's handler."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Wake] = queue.SimpleQueue()

    def put(self, wake: Wake) -> None:
        self._queue.put(wake)

    def next(self, timeout_s: float) -> list[Wake]:
        """All reasons so far, waiting for a first one at most this long."""
        found = []
        try:
            found.append(self._queue.get(timeout=max(timeout_s, 0.0)))
            while True:
                found.append(self._queue.get_nowait())
        except queue.Empty:
            return found

    def listen_to_signals(self) -> None:
        meaning = {
            signal.SIGHUP: Wake.REGENERATE,
            signal.SIGUSR1: Wake.RELOAD,
            signal.SIGTERM: Wake.STOP,
            signal.SIGINT: Wake.STOP,
        }

        def handle(number: int, _frame: FrameType | None) -> None:
            self.put(meaning[signal.Signals(number)])

        for number in meaning:
            signal.signal(number, handle)


@dataclass(frozen=True)
class Pace:
    """The first event after silence acts at once; what follows is folded. Times are monotonic seconds."""

    fold_s: float = 0.02

    def due(self, now: float, began: float, ended: float) -> float:
        """When an event of now may be acted upon. Whoever acts later acts on the newest state.

        `began`, `ended`: the last pass. What a pass costs is the least pause behind it.
        """
        return max(now, began + self.fold_s, ended + (ended - began))


@dataclass(frozen=True)
class Bucket:
    """At most `per_minute` reloads in any minute, some of them in a row. Times are monotonic seconds."""

    per_minute: int
    tokens: float | None = None
    """Left at `at`; None: it was never touched, so it is full."""
    at: float = 0.0

    def due(self, now: float) -> float:
        """When the next one may be."""
        return now + max(1.0 - self._left(now), 0.0) / self._per_second

    def taken(self, now: float) -> Bucket:
        return Bucket(self.per_minute, self._left(now) - 1.0, now)

    @property
    def _burst(self) -> float:
        """A burst and what flows in during a minute are `per_minute` together."""
        return max(self.per_minute / 4, 1.0)

    @property
    def _per_second(self) -> float:
        return max(self.per_minute - self._burst, 0.5) / 60.0

    def _left(self, now: float) -> float:
        if self.tokens is None:
            return self._burst
        return min(self.tokens + max(now - self.at, 0.0) * self._per_second, self._burst)
