"""Events on their way to the open streams; no stream can hold up another, or the publisher."""

from __future__ import annotations

import json
import time
from collections import deque
from threading import Condition
from typing import TYPE_CHECKING

from appliance.lab.marathon.model import stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from appliance.lab.marathon.events import Event
    from appliance.lab.marathon.model import Json

OUTSTANDING = 1024
"""Frames one stream may have waiting; one more and it is closed, as from 1.8 on."""
KEPT = 2000
"""Emitted events kept for the operator API."""


class Subscription:
    """Frames for one stream. It closes on overflow or with the bus; `on_close` wakes a blocked writer."""

    def __init__(self, remote: str, types: Collection[str], on_close: Callable[[], None]) -> None:
        self.remote = remote
        self.closed = False
        self._on_close = on_close
        self._types = frozenset(types)
        self._frames: deque[bytes] = deque()
        self._changed = Condition()

    def offer(self, event_type: str, frame: bytes) -> None:
        if self._types and event_type not in self._types:
            return
        with self._changed:
            self._frames.append(frame)
            self._changed.notify()
            overflown = len(self._frames) > OUTSTANDING
        if overflown:
            self.close()

    def close(self) -> None:
        with self._changed:
            if self.closed:
                return
            self.closed = True
            self._changed.notify()
        self._on_close()

    def next(self, timeout_s: float) -> bytes | None:
        """The next frame, None when none came in time or the stream is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self.closed, timeout_s)
            return None if self.closed or not self._frames else self._frames.popleft()


class Bus:
    """Publishes to all subscriptions, in one order for all."""

    def __init__(self) -> None:
        self._lock = Condition()
        self._subscriptions: list[Subscription] = []
        self._emitted: deque[Json] = deque(maxlen=KEPT)

    def publish(self, event: Event) -> None:
        with self._lock:
            payload = {**event.payload, "eventType": event.type, "timestamp": stamp(time.time())}
            self._emitted.append(payload)
            frame = (
                f"event: {event.type}\r\ndata: {json.dumps(payload, separators=(',', ':'))}\r\n\r\n".encode()
            )
            for subscription in self._subscriptions:
                subscription.offer(event.type, frame)

    def subscribe(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions.append(subscription)

    def unsubscribe(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions.remove(subscription)

    def close(self) -> None:
        """End every stream."""
        with self._lock:
            for subscription in self._subscriptions:
                subscription.close()

    @property
    def emitted(self) -> list[Json]:
        """The latest events, oldest first."""
        with self._lock:
            return list(self._emitted)
