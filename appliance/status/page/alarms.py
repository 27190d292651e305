"""When alarms began and ended, as events: nobody else writes that down. Pure but for its memory."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.status.cluster import Alarm

LASTING_S = 6.0
"""What comes and goes faster is no news: a node that answers late once, say."""
KEPT = 100
_AMOUNT = re.compile(r"\d[\d.]*(?= (?:ms|s|min|h|d)\b)")


class Alarms:
    """Of this agent's life."""

    def __init__(self) -> None:
        self.happened: deque[dict[str, Any]] = deque(maxlen=KEPT)
        """The oldest first."""
        self._seen: dict[tuple[str, str], tuple[float, float]] = {}
        """Since when, and until when, each was there."""
        self._told: set[tuple[str, str]] = set()

    def look(self, present: Iterable[Alarm], now: float) -> None:
        for alarm in present:
            # an age in the text grows, and is the same alarm
            key = alarm.id, _AMOUNT.sub("…", alarm.text)
            since, _ = self._seen.get(key, (now, now))
            self._seen[key] = since, now
            if now - since >= LASTING_S and key not in self._told:
                self._told.add(key)
                self._tell(since, f"{alarm.id}: {alarm.text}")
        for key, (_, until) in list(self._seen.items()):
            if now - until >= LASTING_S:
                del self._seen[key]
                if key in self._told:
                    self._told.discard(key)
                    self._tell(until, f"{key[0]} is over: {key[1]}")

    def _tell(self, at: float, message: str) -> None:
        self.happened.append({"at": at, "kind": "alarm", "message": message})
