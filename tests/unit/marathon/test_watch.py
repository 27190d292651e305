"""The event stream is read as it comes, is dead when it is silent, and is opened again."""

from __future__ import annotations

import itertools
import queue
import re

import pytest

from appliance.marathon.access import Access, Credentials
from appliance.marathon.events import UNREADABLE
from appliance.marathon.watch import Watch, delays

HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/event-stream;charset=utf-8\r\n\r\n"


def frame(kind, data=b"{}"):
    return b"event: %s\r\ndata: %s\r\n\r\n" % (kind.encode(), data)


def open_until_closed(connection):
    while connection.recv(65536):
        pass


def stream(*segments):
    """Send the head and each segment by itself, then stay open and silent."""

    def script(connection):
        for segment in (HEAD, *segments):
            connection.sendall(segment)
        open_until_closed(connection)

    return script


def ending(*segments):
    return lambda connection: connection.sendall(HEAD + b"".join(segments))


@pytest.fixture
def watch():
    """Start a Watch; what it calls back comes out of a queue as (callback, argument)."""
    watches = []

    def start(*servers, credentials=None, **how):
        heard = queue.Queue()
        urls = [server if isinstance(server, str) else server.url for server in servers]
        watches.append(
            Watch(
                Access(urls, credentials),
                on_event=lambda event: heard.put(("event", event.kind)),
                on_attached=lambda url: heard.put(("attached", url)),
                on_lost=lambda reason: heard.put(("lost", reason)),
                **{"draw": lambda: 0.0, "max_backoff_s": 0.01, **how},
            )
        )
        watches[-1].start()
        return heard

    yield start
    for running in watches:
        running.stop()


def heard_kinds(heard, n):
    return [heard.get(timeout=30)[1] for _ in range(n)]


def test_it_attaches_then_tells_each_wanted_event_as_it_comes(serve, watch):
    events = [frame("event_stream_attached"), frame("status_update_event"), frame("pod_created_event")]
    events += [frame("framework_message_event"), frame("api_post_event")]
    server = serve(stream(*events))
    heard = watch(server)
    assert heard.get(timeout=30) == ("attached", server.url)
    assert heard_kinds(heard, 3) == ["event_stream_attached", "status_update_event", "api_post_event"]
    assert heard.empty()


def test_the_request_is_what_marathon_wants(serve, watch):
    server = serve(stream())
    watch(server, credentials=Credentials("joe", "x")).get(timeout=30)
    (request,) = server.requests
    assert request.startswith("GET /v2/events?plan-format=light&event_type=event_stream_attached&event_type=")
    assert re.findall(r"^Accept: (.*)\r$", request, re.MULTILINE) == ["text/event-stream"]
    assert "&event_type=status_update_event" in request
    assert "Authorization: Basic " in request


BIG = b"x" * 1_200_000
STREAMS = {
    "one after the other": [frame("api_post_event"), frame("status_update_event")],
    "together": [frame("api_post_event") + frame("status_update_event")],
    "byte by byte": [bytes([byte]) for byte in frame("api_post_event") + frame("status_update_event")],
    "CR and LF apart": [
        b"event: api_post_event\r",
        b"\ndata: {}\r",
        b"\n\r",
        b"\n",
        frame("status_update_event"),
    ],
    "LF only": [b"event: api_post_event\ndata: {}\n\nevent: status_update_event\ndata: 1\n\n"],
    "heartbeats between": [
        b"\r",
        b"\n",
        frame("api_post_event"),
        b"\r",
        b"\n",
        b"\r",
        b"\n",
        frame("status_update_event"),
    ],
    "comments and unknown fields": [
        b": hi\r\nfoo: bar\r\n" + frame("api_post_event"),
        frame("status_update_event"),
    ],
    "several data lines": [
        b"event: api_post_event\r\ndata: {\r\ndata: }\r\n\r\n",
        frame("status_update_event"),
    ],
    "more than 1 MB": [frame("api_post_event", BIG), frame("status_update_event")],
    "not UTF-8, NUL": [frame("api_post_event", b"\xff\xfe\0"), frame("status_update_event", b"\\u0000")],
    "type only in the JSON": [b'data: {"eventType":"api_post_event"}\r\n\r\n', frame("status_update_event")],
    "unknown types": [frame("brand_new_event"), frame("api_post_event"), frame("status_update_event")],
    "others attach": [
        frame("event_stream_detached") + frame("api_post_event"),
        frame("event_stream_detached") + frame("status_update_event"),
    ],
}


@pytest.mark.parametrize("segments", STREAMS.values(), ids=STREAMS.keys())
def test_any_framing_gives_the_same_events(serve, watch, segments):
    heard = watch(serve(stream(*segments)))
    assert heard_kinds(heard, 3)[1:] == ["api_post_event", "status_update_event"]


@pytest.mark.parametrize("data", [b"nonsense", b"{}", b"[" * 100_000, b"null"])
def test_an_event_that_does_not_say_what_it_is_counts_as_a_change(serve, watch, data):
    heard = watch(serve(stream(b"data: " + data + b"\r\n\r\n")))
    assert heard_kinds(heard, 2)[1] == UNREADABLE


def test_only_the_first_attach_on_a_stream_is_ours(serve, watch):
    attach = frame("event_stream_attached")
    heard = watch(serve(stream(attach, attach, attach, frame("api_post_event"))))
    assert heard_kinds(heard, 3)[1:] == ["event_stream_attached", "api_post_event"]


def test_silence_ends_a_stream_and_it_is_opened_again(serve, watch):
    heard = watch(serve(stream()), silence_s=0.2)
    assert [heard.get(timeout=30)[0] for _ in range(3)] == ["attached", "lost", "attached"]


def test_a_stream_that_ends_is_opened_again(serve, watch):
    server = serve(ending(frame("api_post_event")), stream())
    heard = watch(server)
    assert [heard.get(timeout=30) for _ in range(4)] == [
        ("attached", server.url),
        ("event", "api_post_event"),
        ("lost", f"{server.url} ended the event stream"),
        ("attached", server.url),
    ]


def test_a_redirect_is_followed_to_the_leader(serve, watch):
    leader = serve(stream(frame("api_post_event")))
    location = f"Location: {leader.url}/v2/events?x=1\r\n".encode()
    standby = serve(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n" + location + b"\r\n")
    heard = watch(standby, credentials=Credentials("joe", "x"))
    assert heard_kinds(heard, 2) == [standby.url, "api_post_event"]
    assert "Authorization" in standby.requests[0]
    assert "Authorization" not in leader.requests[0]


def test_a_master_without_a_stream_is_left_for_the_next_one(serve, watch, closed_port):
    html = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Type: text/html\r\n\r\n<html>")
    gone = serve(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
    good = serve(stream())
    assert watch(closed_port, html, gone, good).get(timeout=30) == ("attached", good.url)


def test_when_no_master_has_a_stream_each_ones_reason_is_told(serve, watch, closed_port):
    gone = serve(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
    kind, reason = watch(closed_port, gone).get(timeout=30)
    assert kind == "lost"
    assert f"{closed_port} refuses the connection; {gone.url} HTTP 401" in reason


def test_the_master_whose_stream_was_good_is_tried_first(serve, watch, closed_port):
    good = serve(ending(), stream())
    heard = watch(closed_port, good)
    assert heard_kinds(heard, 3) == [good.url, f"{good.url} ended the event stream", good.url]


def test_stop_closes_an_idle_stream_at_once(serve):
    attached = queue.Queue()
    watch = Watch(
        Access([serve(stream()).url]),
        on_event=attached.put,
        on_attached=attached.put,
        on_lost=attached.put,
        silence_s=60,
    )
    watch.start()
    attached.get(timeout=30)
    watch.stop()
    watch._thread.join(30)
    assert not watch._thread.is_alive()
    assert attached.empty()


def test_stop_ends_a_wait_between_attempts(closed_port):
    lost = queue.Queue()
    watch = Watch(
        Access([closed_port]), on_event=lost.put, on_attached=lost.put, on_lost=lost.put, draw=lambda: 100.0
    )
    watch.start()
    lost.get(timeout=30)
    watch.stop()
    watch._thread.join(30)
    assert not watch._thread.is_alive()


def test_the_first_retry_is_quick_then_delays_grow_to_their_cap():
    assert list(itertools.islice(delays(lambda: 1.0, 10.0), 6)) == [0.5, 3.0, 4.5, 6.75, 10.0, 10.0]
    assert list(itertools.islice(delays(lambda: 0.0, 10.0), 3)) == [0.0, 1.5, 2.25]
    assert max(itertools.islice(delays(lambda: 1.0, 1.0), 5)) == 1.0


@pytest.mark.parametrize("name", ["events-1.3-killed.sse", "events-1.4-two-health-checks.sse"])
def test_recorded_streams_are_read(serve, watch, payload, name):
    recorded = payload(name)
    kinds = re.findall(rb"^event: (\S+)", recorded, re.MULTILINE)
    heard = watch(serve(stream(recorded, frame("group_change_success"))))
    told = list(iter(lambda: heard.get(timeout=30)[1], "group_change_success"))[1:]
    assert told
    assert set(told) <= {kind.decode() for kind in kinds}
