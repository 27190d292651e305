"""`GET /v2/events`: one connection's side of the event stream, byte by byte as Marathon writes it."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from appliance.lab.marathon import events
from appliance.lab.marathon.bus import Bus, Subscription
from appliance.lab.marathon.errors import RefusedError
from appliance.lab.marathon.web import NO_CACHE

if TYPE_CHECKING:
    from appliance.lab.marathon.web import Connection, Request


def serve(bus: Bus, request: Request, connection: Connection, heartbeat_s: float) -> None:
    """Head at once, then the attach event, events and heartbeats until either side ends it.

    Raises the 405 of a request whose Accept is anything but exactly `text/event-stream`.
    """
    if "text/event-stream" not in request.accepts:
        raise RefusedError(405)
    connection.close_connection = True
    # A reader that stalls would keep this thread in send() for ever.
    wake = partial(_shut, connection.connection)
    subscription = Subscription(request.client_ip, request.query.get("event_type", ()), wake)
    content_type = {"Content-Type": "text/event-stream;charset=utf-8"}
    connection.head(200, {"Connection": "close", **content_type, **NO_CACHE})
    bus.subscribe(subscription)
    bus.publish(events.attached(subscription.remote))
    try:
        _write(subscription, connection, heartbeat_s)
    except OSError:
        pass
    finally:
        bus.unsubscribe(subscription)
        bus.publish(events.detached(subscription.remote))


def _write(subscription: Subscription, connection: Connection, heartbeat_s: float) -> None:
    """The heartbeat has its own clock: it also beats between events."""
    beat_at = time.monotonic() + heartbeat_s
    while not subscription.closed:
        frame = subscription.next(max(0.0, beat_at - time.monotonic()))
        if frame:
            connection.wfile.write(frame)
        if time.monotonic() >= beat_at:
            connection.wfile.write(b"\r")
            connection.wfile.write(b"\n")
            beat_at += heartbeat_s


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
