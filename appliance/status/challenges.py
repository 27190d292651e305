"""Challenges of this node: each is good for one order, once, for half a minute."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict

GOOD_S = 30.0
MOST = 256
"""At the same time; more push out the oldest."""


class Challenges:
    """Thread-safe. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def make(self, now: float) -> str:
        challenge = secrets.token_hex(16)
        with self._lock:
            self._open[challenge] = now
            while len(self._open) > MOST:
                self._open.popitem(last=False)
        return challenge

    def spend(self, challenge: str, now: float) -> bool:
        """Whether it is one of ours and still good. It never is again."""
        with self._lock:
            made_at = self._open.pop(challenge, None)
        return made_at is not None and now - made_at <= GOOD_S
