"""What HAProxy's own checks say of its servers (management guide, 9.3, "show servers state")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.errors import EngineError
from appliance.haproxy import runtime
from appliance.haproxy.model import OWN_BACKENDS

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_STOPPED = "0"
_COUNT_DEADLINE_S = 2.0
_CHECKED = 0b110
"""Of srv_check_state: a check is configured, and enabled."""


@dataclass(frozen=True)
class State:
    address: str
    port: int
    down: bool
    checked: bool


def parse(reply: str) -> list[State]:
    """The reply to `show servers state`; columns are found by their names in its second line."""
    lines = reply.splitlines()
    names = next((line[1:].split() for line in lines if line.startswith("# be_id")), [])
    found = []
    for line in lines:
        words = line.split()
        if line.startswith("#") or len(words) != len(names) or not names:
            continue
        entry = dict(zip(names, words))
        if entry.get("be_name") in OWN_BACKENDS:
            continue
        try:
            checked = int(entry["srv_check_state"]) & _CHECKED == _CHECKED
            port = int(entry["srv_port"])
            found.append(State(entry["srv_addr"], port, entry["srv_op_state"] == _STOPPED, checked))
        except (KeyError, ValueError):
            continue
    return found


@dataclass(frozen=True)
class Counts:
    """Of servers by their address and port: each once, however many backends have it."""

    up: int
    """Checked, and not down everywhere."""
    down: int
    unchecked: int


def counted(found: Collection[State]) -> Counts:
    checked = {(it.address, it.port) for it in found if it.checked}
    up = {(it.address, it.port) for it in found if it.checked and not it.down}
    return Counts(len(up), len(checked) - len(up), len({(it.address, it.port) for it in found} - checked))


def count(socket: Path) -> Counts:
    """Raises EngineError."""
    return counted(parse(runtime.command(socket, "show servers state", timeout_s=_COUNT_DEADLINE_S)))


def down(socket: Path, places: Collection[tuple[str, int]]) -> bool:
    """Whether HAProxy checks at least one of `places`, and finds each that it checks down."""
    try:
        states = parse(runtime.command(socket, "show servers state"))
    except EngineError:
        return False
    wanted = set(places)
    checked = [state for state in states if state.checked and (state.address, state.port) in wanted]
    return bool(checked) and all(state.down for state in checked)
