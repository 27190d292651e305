"""What HAProxy itself says of its servers (management guide, 9.3, "show servers state")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.errors import EngineError
from appliance.haproxy import runtime
from appliance.haproxy.model import OWN_BACKENDS

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_COUNT_DEADLINE_S = 2.0
_CHECKED = 0b110
"""Of srv_check_state: a check is configured, and enabled."""
_STOPPED, _STARTING, _RUNNING = 0, 1, 2
_IN_MAINTENANCE = 0x01 | 0x02 | 0x20 | 0x40
"""Of srv_admin_state: forced, inherited, by the resolver, by a missing host name."""
_IN_DRAIN = 0x08 | 0x10


@dataclass(frozen=True)
class State:
    backend: str
    name: str
    id: int
    address: str
    port: int
    operation: int
    administration: int
    weight: int
    checked: bool

    @property
    def place(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    @property
    def maintenance(self) -> bool:
        return bool(self.administration & _IN_MAINTENANCE)

    @property
    def drain(self) -> bool:
        return bool(self.administration & _IN_DRAIN)

    @property
    def down(self) -> bool:
        return self.operation == _STOPPED

    @property
    def usable(self) -> bool:
        """New requests may be sent there."""
        return self.operation in {_STARTING, _RUNNING} and not self.maintenance and not self.drain


def parse(reply: str) -> list[State]:
    """The reply to `show servers state`; columns are found by their names in the line above the rows."""
    names: list[str] = []
    found = []
    for line in reply.splitlines():
        words = line.split()
        if line.startswith("# be_id"):
            names = line[1:].split()
        if line.startswith("#") or len(words) != len(names) or not names:
            continue
        entry = dict(zip(names, words))
        if entry.get("be_name") in OWN_BACKENDS:
            continue
        try:
            found.append(
                State(
                    backend=entry["be_name"],
                    name=entry["srv_name"],
                    id=int(entry["srv_id"]),
                    address=entry["srv_addr"],
                    port=int(entry["srv_port"]),
                    operation=int(entry["srv_op_state"]),
                    administration=int(entry["srv_admin_state"]),
                    weight=int(entry["srv_uweight"]),
                    checked=int(entry["srv_check_state"]) & _CHECKED == _CHECKED,
                )
            )
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
