"""How an event stream ends, or stays open for nothing. `act(wire, **options)`; then the stream is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Protocol

from appliance.lab.marathon.faults.kind import Kind, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable


class Wire(Protocol):
    """One stream's connection."""

    def write(self, segments: Iterable[bytes]) -> None: ...

    def finish(self) -> None:
        """FIN."""

    def reset(self) -> None:
        """RST."""

    def hold(self) -> None:
        """Say nothing more until the fault is over, TCP stays; then RST."""


def _rst(wire: Wire) -> None:
    wire.reset()


def _fin(wire: Wire) -> None:
    wire.finish()


def _half_open(wire: Wire) -> None:
    wire.hold()


def _stall(wire: Wire) -> None:
    wire.write([b'event: status_update_event\r\ndata: {"slaveId":"c0ffee00-1ab0'])
    wire.hold()


def _fin_inside(wire: Wire) -> None:
    wire.write([b'event: status_update_event\r\ndata: {"slaveId":"c0ffee00-1ab0'])
    wire.finish()


def _kind(name: str, text: str, act: Callable[..., Any], after: int = 1) -> Kind:
    return Kind(name, Stage.STREAM, text, act, {"after": after})


KINDS = (
    _kind("stream-rst", "the stream ends by RST, a new one after its first frame or beat", _rst),
    _kind("stream-fin", "the stream ends by FIN, a new one after its first frame or beat", _fin),
    _kind("stream-half-open", "neither events nor heartbeats, TCP stays", _half_open),
    _kind("stream-stall", "silence in the middle of an event, TCP stays", _stall),
    _kind("stream-overflow", "closed in the middle of an event, as a slow reader is", _fin_inside),
    _kind("stream-eof", "200 and headers, then the end, no event_stream_attached", _fin, after=0),
)
"""Option `after`: frames and heartbeats that a stream has had before it happens."""
