"""`GET /v2/events`: one connection's side of the event stream, byte by byte as Marathon writes it."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Protocol

from appliance.lab.marathon import events
from appliance.lab.marathon.bus import Overflow, Subscription
from appliance.lab.marathon.errors import RefusedError
from appliance.lab.marathon.faults.kind import Stage
from appliance.lab.marathon.web import NO_CACHE, shut

if TYPE_CHECKING:
    from collections.abc import Iterable
    from threading import Event

    from appliance.lab.marathon.bus import Bus
    from appliance.lab.marathon.faults.kind import Fault
    from appliance.lab.marathon.faults.registry import Faults
    from appliance.lab.marathon.flavours import Flavour
    from appliance.lab.marathon.messages import Request
    from appliance.lab.marathon.model import Json
    from appliance.lab.marathon.web import Connection


class Host(Protocol):
    """The master that a stream is open at."""

    @property
    def netloc(self) -> str: ...

    @property
    def flavour(self) -> Flavour: ...

    @property
    def awake(self) -> Event:
        """Not set while it hangs."""


class Stream:
    """Head at once, then the attach event, events and heartbeats until either side ends it."""

    def __init__(
        self,
        bus: Bus,
        faults: Faults,
        host: Host,
        request: Request,
        connection: Connection,
        *,
        heartbeat_s: float,
    ) -> None:
        self._bus = bus
        self._faults = faults
        self._host = host
        self._request = request
        self._connection = connection
        self._heartbeat_s = heartbeat_s
        self._over: Event | None = None
        self._written = 0
        self._held: dict[Fault, list[bytes]] = {}
        overflow = Overflow(host.flavour.outstanding, host.flavour.closes_slow_readers)
        # A reader that stalls would keep this thread in send() for ever.
        wake = partial(shut, connection.connection)
        types = request.query.get("event_type", ())
        light = "light" in request.query.get("plan-format", ())
        self._subscription = Subscription(request.client_ip, types, overflow, wake, light=light)

    def serve(self) -> None:
        """Raises the 405 of a request whose Accept is anything but exactly `text/event-stream`."""
        if "text/event-stream" not in self._request.accepts:
            raise RefusedError(405)
        self._connection.close_connection = True
        content_type = {"Content-Type": "text/event-stream;charset=utf-8"}
        self._bus.subscribe(self._subscription)  # before the head: who has read it misses no event
        try:
            self._connection.head(200, {"Connection": "close", **content_type, **NO_CACHE})
            if self._ended_by_fault():
                self._bus.unsubscribe(self._subscription)
                return
            self._bus.publish(events.attached(self._subscription.remote))
            self._write_all()
        except OSError:
            pass
        finally:
            if self._bus.unsubscribe(self._subscription):
                self._bus.publish(events.detached(self._subscription.remote))

    def _write_all(self) -> None:
        """The heartbeat has its own clock: it also beats between events."""
        beat_at = time.monotonic() + self._heartbeat_s
        while not self._subscription.closed:
            if not self._host.awake.is_set():
                self._over = self._host.awake
                self.hold()
                return
            if self._ended_by_fault():
                return
            frame = self._subscription.next(max(0.0, beat_at - time.monotonic()))
            if frame:
                self._write_frame(frame)
            if time.monotonic() >= beat_at:
                self._beat()
                beat_at += self._heartbeat_s

    def _beat(self) -> None:
        for held in self._held.values():
            self.write([held.pop()] if held else [])
        self.write([b"\r", b"\n"])
        self._written += 1

    def _write_frame(self, frame: bytes) -> None:
        segments, pause_s = [frame], 0.0
        for fault in self._faults.take(Stage.FRAME, self._host.netloc, self._request):
            options = dict(fault.options)
            pause_s = max(pause_s, options.pop("pause_ms") / 1000)
            held = self._held.setdefault(fault, [])
            segments = [made for each in segments for made in _changed(fault, each, held, options)]
        self.write(segments, pause_s)
        self._written += 1

    def _ended_by_fault(self) -> bool:
        """Whether a fault has ended the stream."""
        for fault in self._faults.matching(Stage.STREAM, self._host.netloc, self._request):
            if self._written >= fault.options["after"] and self._faults.use(fault):
                self._over = fault.over
                fault.kind.act(self)
                return True
        return False

    def write(self, segments: Iterable[bytes], pause_s: float = 0.0) -> None:
        """Each by a send of its own."""
        for each in segments:
            self._connection.wfile.write(each)
            if pause_s:
                time.sleep(pause_s)

    def finish(self) -> None:
        shut(self._connection.connection)

    def reset(self) -> None:
        self._connection.reset()

    def hold(self) -> None:
        """No byte more until what keeps the stream from going on is over."""
        self._bus.unsubscribe(self._subscription)
        if self._over:
            self._over.wait()
        self._connection.reset()


def _changed(fault: Fault, frame: bytes, held: list[bytes], options: Json) -> list[bytes]:
    """What the fault makes of the frame; one that another fault has damaged stays as it is."""
    try:
        return list(fault.kind.act(frame, held, **options))
    except ValueError:
        return [frame]
