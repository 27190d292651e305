"""Events on their way to the open streams; no stream can hold up another, or the publisher."""

from __future__ import annotations

import json
import time
from collections import deque
from dataclasses import dataclass
from threading import Condition
from typing import TYPE_CHECKING

from appliance.lab.marathon.model import stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from appliance.lab.marathon.events import Event
    from appliance.lab.marathon.flavours import Flavour
    from appliance.lab.marathon.model import Deployment, Json

KEPT = 20000
"""Emitted events kept for the operator API."""


@dataclass(frozen=True)
class Overflow:
    """What happens to the frame after `outstanding` ones that wait: it is lost, or the stream is closed."""

    outstanding: int = 1024
    closes: bool = True


class Subscription:
    """Frames for one stream. `on_close` wakes a writer that is blocked in send()."""

    def __init__(
        self,
        remote: str,
        types: Collection[str],
        overflow: Overflow,
        on_close: Callable[[], None],
        *,
        light: bool = False,
    ) -> None:
        self.remote = remote
        self.light = light
        """Light plans were asked for."""
        self.closed = False
        self.lost = 0
        self._overflow = overflow
        self._on_close = on_close
        self._types = frozenset(types)
        self._frames: deque[bytes] = deque()
        self._inserted: deque[bytes] = deque()
        self._changed = Condition()
        self._woken = False

    def wants(self, event_type: str) -> bool:
        return not self._types or event_type in self._types

    def offer(self, frame: bytes) -> None:
        """Of an event that it wants."""
        with self._changed:
            overflown = len(self._frames) >= self._overflow.outstanding
            if overflown and not self._overflow.closes:
                self.lost += 1
                return
            self._frames.append(frame)
            self._changed.notify()
        if overflown:
            self.close()

    def insert(self, frames: Collection[bytes]) -> None:
        """Frames past the filter and the limit, as a fault wants them."""
        with self._changed:
            self._inserted.extend(frames)
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            if self.closed:
                return
            self.closed = True
            self._changed.notify()
        self._on_close()

    def wake(self) -> None:
        """Let `next` return early, once."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def next(self, timeout_s: float) -> bytes | None:
        """The next frame, None when none came in time, it was woken, or the stream is closed."""
        with self._changed:
            waiting = self._inserted, self._frames
            self._changed.wait_for(lambda: any(waiting) or self.closed or self._woken, timeout_s)
            self._woken = False
            if self.closed or not any(waiting):
                return None
            return (self._inserted or self._frames).popleft()


class Bus:
    """Publishes to all subscriptions, in one order for all. `flavour` is the leader's.

    `heavy(plan, deployment)` gives the plan with the root groups, for the versions that send them.
    """

    def __init__(self, flavour: Flavour, heavy: Callable[[Json, Deployment], Json]) -> None:
        self.flavour = flavour
        self._heavy = heavy
        self._lock = Condition()
        self._subscriptions: list[Subscription] = []
        self._emitted: deque[Json] = deque(maxlen=KEPT)

    def publish(self, event: Event) -> None:
        with self._lock:
            payload = {**event.payload, "eventType": event.type, "timestamp": stamp(time.time())}
            if event.type == "failed_health_check_event":
                payload[self.flavour.failed_check_key] = payload.pop("taskId")
            self._emitted.append(payload)
            plans: dict[bool, list[Subscription]] = {}
            for subscription in self._subscriptions:
                if subscription.wants(event.type):
                    heavy = bool(event.deployment) and self.flavour.plans.heavy_for(
                        asked_light=subscription.light
                    )
                    plans.setdefault(heavy, []).append(subscription)
            for heavy, wanting in plans.items():
                sent = payload
                if heavy and event.deployment:
                    sent = {**payload, "plan": self._heavy(payload["plan"], event.deployment)}
                frame = framed(event.type, json.dumps(sent, separators=(",", ":")))
                for subscription in wanting:
                    subscription.offer(frame)

    def subscribe(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions.append(subscription)

    def unsubscribe(self, subscription: Subscription) -> bool:
        """False when it had been taken off before."""
        with self._lock:
            known = subscription in self._subscriptions
            if known:
                self._subscriptions.remove(subscription)
            return known

    def subscriptions(self) -> list[Subscription]:
        with self._lock:
            return list(self._subscriptions)

    def wake(self) -> None:
        """Let every stream look at the faults now."""
        for subscription in self.subscriptions():
            subscription.wake()

    def abandon(self) -> None:
        """Publish to none of the open streams any more, and do not close them."""
        with self._lock:
            abandoned, self._subscriptions = self._subscriptions, []
        for subscription in abandoned:
            subscription.wake()

    def close(self) -> None:
        """End every stream."""
        for subscription in self.subscriptions():
            subscription.close()

    @property
    def emitted(self) -> list[Json]:
        """The latest events, oldest first."""
        with self._lock:
            return list(self._emitted)


def framed(event_type: str, data: str) -> bytes:
    return f"event: {event_type}\r\ndata: {data}\r\n\r\n".encode()
