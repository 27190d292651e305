"""How often one address may ask for the page: as often as some open pages do, not as often as it can."""

from __future__ import annotations

import threading
from collections import OrderedDict

EACH_S, AT_ONCE = 20.0, 100.0
MOST_ADDRESSES = 2000


class Limits:
    """A bucket for each address, thread-safe. Who did not come for long is forgotten, and starts anew."""

    def __init__(self, each_s: float = EACH_S, at_once: float = AT_ONCE) -> None:
        self._each_s, self._at_once = each_s, at_once
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def allow(self, address: str, now: float) -> bool:
        with self._lock:
            left, at = self._buckets.pop(address, (self._at_once, now))
            left = min(left + (now - at) * self._each_s, self._at_once)
            allowed = left >= 1.0
            self._buckets[address] = (left - 1.0 if allowed else left), now
            if len(self._buckets) > MOST_ADDRESSES:
                self._buckets.popitem(last=False)
            return allowed
