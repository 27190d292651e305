"""Faults of the lab's Marathon, switched on through the port that none of them touches."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from appliance import commands
from appliance.errors import ApplianceError, UsageError
from appliance.lab import machine
from appliance.lab.marathon.faults.table import KINDS as TABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.lab.topology import Topology

CONTROL_PORT = 8070
PREFIX = "marathon-"
CLEAR = f"{PREFIX}clear"
KINDS = {CLEAR: "end all faults of Marathon", **{PREFIX + name: kind.text for name, kind in TABLE.items()}}


def inflict(kind: str, topology: Topology, words: Sequence[str]) -> str:
    """Switch `kind` on with the options `words` (key=value); returns Marathon's words. Raises UsageError."""
    if kind not in KINDS:
        raise UsageError(f"no fault '{kind}': appliance lab fault --list shows them")
    if kind == CLEAR:
        return _ask(topology, "DELETE", None)
    return _ask(topology, "POST", {"kind": kind[len(PREFIX) :], **options(words)})


def options(words: Sequence[str]) -> dict[str, Any]:
    """`times=3 path=/v2/*` as JSON values where they are some, else as text. Raises UsageError."""
    made = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not (key and equals):
            raise UsageError(f"'{word}' is no option: write key=value, as times=3 or seconds=10")
        try:
            made[key] = json.loads(value)
        except ValueError:
            made[key] = value
    return made


def agent(topology: Topology, name: str, *, lost: bool) -> None:
    """Mesos notices that a slave is gone, or back. Without a Marathon nobody has to."""
    with contextlib.suppress(ApplianceError):
        _ask(topology, "POST", {"agent": name, "lost": lost}, "agents")


def _ask(topology: Topology, method: str, document: Any, what: str = "faults") -> str:
    url = f"http://{topology.master.address}:{CONTROL_PORT}/_lab/{what}"
    body = ["-H", "Content-Type: application/json", "-d", json.dumps(document)] if document else []
    argv = ["curl", "-sS", "--max-time", "10", "-w", "\n%{http_code}", "-X", method, *body, url]
    done = commands.run(machine.entering(topology.client, argv), env=machine.environment())
    text, _, status = done.output.rpartition("\n")
    if status != "200":
        raise ApplianceError(f"the lab's Marathon refused: {_message(text) or done.message}")
    return text


def _message(text: str) -> str:
    try:
        said = json.loads(text)
    except ValueError:
        return text
    return str(said.get("message", text)) if isinstance(said, dict) else text
