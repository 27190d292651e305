"""What a frame looks like after each kind of damage; the parser of the stream is tested on the same."""

from __future__ import annotations

import json

import pytest

from appliance.lab.marathon.bus import framed
from appliance.lab.marathon.faults.frames import KINDS, parts
from appliance.lab.marathon.faults.kind import Stage

FRAME = framed("api_post_event", json.dumps({"uri": "/v2/apps//ü", "eventType": "api_post_event"}))


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.stage is Stage.FRAME], ids=lambda kind: kind.name
)
def test_no_frame_breaks_it(kind):
    options = {key: value for key, value in kind.options.items() if key != "pause_ms"}
    held = []
    made = [kind.act(FRAME, held, **options) for _ in range(2)]
    assert all(isinstance(segment, bytes) and segment for segments in made for segment in segments)


@pytest.mark.parametrize("name", ["stream-bytewise", "stream-crlf-apart"])
def test_splitting_loses_nothing(name):
    (kind,) = [kind for kind in KINDS if kind.name == name]
    segments = kind.act(FRAME, [])
    assert b"".join(segments) == FRAME
    assert not any(b"\r\n" in segment for segment in segments)


def test_a_frame_comes_apart():
    event, data = parts(FRAME)
    assert (event, json.loads(data)["eventType"]) == ("api_post_event", "api_post_event")
