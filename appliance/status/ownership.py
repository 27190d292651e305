"""Since when this node has each VIP: while one moves, two nodes have it for some tens of milliseconds."""

from __future__ import annotations

import threading


class Ownership:
    """What was seen of each address, oldest first. Thread-safe; times are monotonic seconds."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._lock = threading.Lock()

    def held_s(self, address: str, holds: bool, now: float) -> float:
        """For how long it was seen here without a break; 0.0 when it just came, or is not here."""
        with self._lock:
            if not holds:
                self._since.pop(address, None)
                return 0.0
            return now - self._since.setdefault(address, now)
