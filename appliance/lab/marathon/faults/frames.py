"""Event frames that arrive otherwise than Marathon sends them, and frames Marathon would never send.

FRAME: `act(frame, held, **options)` gives the segments written instead, each by a send of its own; `held`
is the stream's list of what it keeps back. BURST: `act(**options)` gives frames written at once.
"""

from __future__ import annotations

import json
from typing import Any, Callable

from appliance.lab.marathon.bus import framed
from appliance.lab.marathon.faults.kind import Kind, Stage


def parts(frame: bytes) -> tuple[str, str]:
    """(event type, data) of a frame as Marathon writes it."""
    event, _, data = frame.decode().rstrip("\r\n").partition("\r\n")
    return event[len("event: ") :], data[len("data: ") :]


def _lost(_frame: bytes, _: list[bytes]) -> list[bytes]:
    return []


def _twice(frame: bytes, _: list[bytes]) -> list[bytes]:
    return [frame, frame]


def _reordered(frame: bytes, held: list[bytes]) -> list[bytes]:
    if held:
        return [frame, held.pop()]
    held.append(frame)
    return []


def _bytewise(frame: bytes, _: list[bytes]) -> list[bytes]:
    return [frame[n : n + 1] for n in range(len(frame))]


def _crlf_apart(frame: bytes, _: list[bytes]) -> list[bytes]:
    pieces = frame.replace(b"\r\n", b"\r\0\n\0").split(b"\0")
    return [piece for piece in pieces if piece]


def _lf_only(frame: bytes, _: list[bytes]) -> list[bytes]:
    return [frame.replace(b"\r\n", b"\n")]


def _cr_only(frame: bytes, _: list[bytes]) -> list[bytes]:
    return [frame.replace(b"\r\n", b"\r")]


def _data_lines(frame: bytes, _: list[bytes]) -> list[bytes]:
    event, data = parts(frame)
    lines = json.dumps(json.loads(data), indent=1).split("\n")
    return ["\r\n".join([f"event: {event}", *(f"data: {line}" for line in lines), "", ""]).encode()]


def _no_event_line(frame: bytes, _: list[bytes]) -> list[bytes]:
    return [frame.partition(b"\r\n")[2]]


def _no_type(frame: bytes, _: list[bytes]) -> list[bytes]:
    event, data = parts(frame)
    payload = json.loads(data)
    payload.pop("eventType", None)
    return [framed(event, json.dumps(payload))]


def _bad_json(frame: bytes, _: list[bytes]) -> list[bytes]:
    event, data = parts(frame)
    return [framed(event, data[:-1])]


def _bad_utf8(frame: bytes, _: list[bytes]) -> list[bytes]:
    return [frame.replace(b'"eventType"', b'"\xc3\x28\xff":1,"eventType"')]


def _nul(frame: bytes, _: list[bytes]) -> list[bytes]:
    return [frame.replace(b'"eventType"', b'"odd":"a\\u0000b","eventType"')]


def _bom(frame: bytes, _: list[bytes]) -> list[bytes]:
    return [b"\xef\xbb\xbf" + frame]


def _comments(frame: bytes, _: list[bytes]) -> list[bytes]:
    return [b": a comment\r\n:\r\n" + frame]


def _skewed(frame: bytes, _: list[bytes], timestamp: str) -> list[bytes]:
    event, data = parts(frame)
    return [framed(event, json.dumps({**json.loads(data), "timestamp": timestamp}))]


def _heavy(bytes: int) -> list[bytes]:  # noqa: A002 - the option's name
    group = {"id": "/", "apps": [], "groups": [], "dependencies": [], "filler": "x" * bytes}
    plan = {
        "id": "heavy",
        "original": group,
        "target": group,
        "steps": [],
        "version": "2026-01-01T00:00:00.000Z",
    }
    document = {"plan": plan, "currentStep": {"actions": []}, "eventType": "deployment_info"}
    return [framed("deployment_info", json.dumps({**document, "timestamp": "2026-01-01T00:00:00.000Z"}))]


def _unknown(count: int) -> list[bytes]:
    return [framed("quantum_event", json.dumps({"eventType": "quantum_event", "n": n})) for n in range(count)]


def _burst(count: int, app: str) -> list[bytes]:
    def event(n: int) -> bytes:
        task = f"{app.strip('/').replace('/', '_')}.burst-{n}"
        payload = {"slaveId": "", "taskId": task, "taskStatus": "TASK_RUNNING", "message": "", "appId": app}
        where = {"host": "10.255.0.1", "ipAddresses": [], "ports": [], "eventType": "status_update_event"}
        return framed(
            "status_update_event", json.dumps({**payload, **where, "timestamp": "2026-01-01T00:00:00.000Z"})
        )

    return [event(n) for n in range(count)]


def _garbage() -> list[bytes]:
    return [b"\x00\x01\xfe\xffnot an event at all\r\n\r\n", b"data\r\n\r\n", b"event: only_a_type\r\n\r\n"]


def _frame(name: str, text: str, act: Callable[..., Any], **options: Any) -> Kind:
    return Kind(name, Stage.FRAME, text, act, {"pause_ms": 0, **options})


def _now(name: str, text: str, act: Callable[..., Any], **options: Any) -> Kind:
    return Kind(name, Stage.BURST, text, act, options)


KINDS = (
    _frame("stream-silent", "heartbeats go on, no event comes", _lost),
    _frame("stream-drop", "events are lost without a word (times=K)", _lost),
    _frame("stream-duplicate", "each event comes twice", _twice),
    _frame("stream-reorder", "each second event comes before the one it follows", _reordered),
    _frame("stream-bytewise", "every byte its own segment", _bytewise),
    _frame("stream-crlf-apart", "CR and LF in segments of their own", _crlf_apart, pause_ms=1),
    _frame("stream-lf", "lines end by LF alone", _lf_only),
    _frame("stream-cr", "lines end by CR alone", _cr_only),
    _frame("stream-data-lines", "the JSON in several data lines", _data_lines),
    _frame("stream-no-event-line", "data without an event line", _no_event_line),
    _frame("stream-no-type", "JSON without eventType", _no_type),
    _frame("stream-bad-json", "JSON that is cut", _bad_json),
    _frame("stream-bad-utf8", "bytes that are no UTF-8", _bad_utf8),
    _frame("stream-nul", "a NUL character in a value", _nul),
    _frame("stream-bom", "a byte order mark before the event", _bom),
    _frame("stream-comments", "comment lines before the event", _comments),
    _frame("stream-clock-skew", "timestamps of another clock", _skewed, timestamp="1999-12-31T23:59:59.999Z"),
    _now("stream-heavy", "an event of more than 1 MB (a heavy plan)", _heavy, bytes=600_000),
    _now("stream-unknown", "events of a type nobody knows", _unknown, count=3),
    _now("stream-burst", "10,000 events at once, all of one app", _burst, count=10_000, app="/nginx"),
    _now("stream-garbage", "bytes and fields that are no event", _garbage),
)
