"""Answers that are damaged on the wire. `act(payload, **options)` gives what is sent instead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable

from appliance.lab.marathon.faults.kind import Kind, Stage
from appliance.lab.marathon.messages import with_body

if TYPE_CHECKING:
    from appliance.lab.marathon.messages import Payload


def _cut(payload: Payload, keep: float) -> Payload:
    body = payload.body[: int(len(payload.body) * keep)]
    return replace(payload, body=body, length=len(body), gzip=False)


def _cut_short(payload: Payload, keep: float) -> Payload:
    body = payload.body[: int(len(payload.body) * keep)]
    return replace(payload, body=body, length=len(payload.body), gzip=False)


def _slow(payload: Payload, pause_s: float) -> Payload:
    return replace(payload, pause_s=pause_s, gzip=False)


def _gzip(payload: Payload) -> Payload:
    return replace(payload, gzip=True)


def _instead(text: str, content_type: str = "application/json") -> Callable[[Payload], Payload]:
    return lambda payload: with_body(payload, text.encode(), content_type)


def _kind(name: str, text: str, act: Callable[..., Any], **options: Any) -> Kind:
    return Kind(name, Stage.BODY, text, act, options)


KINDS = (
    _kind("body-cut", "the JSON is cut, the Content-Length fits what is sent", _cut, keep=0.6),
    _kind("body-short", "the body ends before the promised Content-Length", _cut_short, keep=0.6),
    _kind("body-slow", "the body drips: 64 bytes, then a pause", _slow, pause_s=0.5),
    _kind("body-gzip", "compressed though nobody asked for it", _gzip),
    _kind("body-empty", "200 without a body", _instead("")),
    _kind("body-html", "200 with HTML under the name of JSON", _instead("<html><body>oops</body></html>")),
    _kind("apps-empty", '{"apps":[]}, as from a fresh or wrong cluster', _instead('{"apps":[]}')),
    _kind("apps-missing", "an object without apps", _instead("{}")),
    _kind("apps-null", '{"apps":null}', _instead('{"apps":null}')),
)
