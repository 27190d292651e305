"""Whether somebody looks. While nobody does, the agent asks around seldom."""

from __future__ import annotations

import threading
import time

LASTS_S = 20.0
"""After the last sign. A page that lives shows itself more often."""


class Interest:
    """Thread-safe."""

    def __init__(self) -> None:
        self._until = 0.0
        self._stopped = False
        self._changed = threading.Condition()

    def show(self) -> bool:
        """Somebody looks. True if nobody did before."""
        with self._changed:
            is_news = not self._lives()
            self._until = time.monotonic() + LASTS_S
            if is_news:
                self._changed.notify_all()
            return is_news

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def pause(self, watched_s: float, idle_s: float) -> bool:
        """Wait so long, or until somebody comes to look. False when all is to end."""
        with self._changed:
            if self._lives():
                self._changed.wait_for(lambda: self._stopped, timeout=watched_s)
            else:
                self._changed.wait_for(lambda: self._stopped or self._lives(), timeout=idle_s)
            return not self._stopped

    def _lives(self) -> bool:
        return time.monotonic() < self._until
