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

    fold_s: float = 0.1
    reload_distance_s: float = 0.5

    def due(self, now: float, last_pass: float, last_reload: float) -> float:
        """When an event of now may be acted upon. Whoever acts later acts on the newest state."""
        return max(now, last_pass + self.fold_s, last_reload + self.reload_distance_s)
