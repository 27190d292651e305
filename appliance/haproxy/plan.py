"""What to do about the difference between what runs and what is wanted, as a value. Pure.

What runs is what HAProxy itself says: which structure it has loaded, which servers and map entries it has.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.haproxy.lines import Line, Pool
    from appliance.haproxy.model import LoadBalancer
    from appliance.haproxy.states import State

Entries = tuple[tuple[str, str], ...]
"""Keys and values of a map, in the order of its file."""


@dataclass(frozen=True)
class Generation:
    """One configuration: the hashes of its file and of its structure, and the records behind it."""

    hash: str
    structure: str = ""
    """Of all that only a reload can change; what HAProxy reports as its description."""
    load_balancer: LoadBalancer | None = None
    """None: written by an earlier run, only its text is known."""


@dataclass(frozen=True)
class Running:
    """What HAProxy says, of the backends and maps in question."""

    structure: str
    servers: Mapping[str, Mapping[str, State]] = field(default_factory=dict)
    lines: Mapping[str, Mapping[str, Line]] = field(default_factory=dict)
    """The lines that these servers were given, from the file; keywords cannot be read back."""
    maps: Mapping[str, Entries] = field(default_factory=dict)
    maxconn: int | None = None
    handled: frozenset[tuple[str, str]] = frozenset()
    """(backend, server) that we add or drain. What else is stopped without a word in the file, somebody
    stopped through the runtime API, and it stays so."""


@dataclass(frozen=True)
class Wanted:
    structure: str
    pools: Mapping[str, Pool] = field(default_factory=dict)
    maps: Mapping[str, Entries] = field(default_factory=dict)
    maxconn: int | None = None
    differences: tuple[str, ...] = ()
    """Between the structures, in the words of the configuration."""


@dataclass(frozen=True)
class NoChange:
    pass


@dataclass(frozen=True)
class MapChange:
    """Of one map. `whole`: all entries are put in place of the old ones, in one instant."""

    name: str
    set: Entries = ()
    """New values of keys that are there."""
    add: Entries = ()
    remove: tuple[str, ...] = ()
    whole: Entries | None = None


@dataclass(frozen=True)
class RuntimeUpdate:
    commands: tuple[str, ...] = ()
    """In their order. Nothing here takes a server away."""
    maps: tuple[MapChange, ...] = ()
    leaving: tuple[tuple[str, str], ...] = ()
    """(backend, server) to drain and remove, once others can take over."""
    maintenance: tuple[str, ...] = ()
    """Commands that end a server's traffic at once, because the configuration says so."""
    reasons: tuple[str, ...] = ()
    backends: frozenset[str] = frozenset()
    """Whose servers it is about."""


@dataclass(frozen=True)
class Reload:
    reasons: tuple[str, ...]
    backends: frozenset[str] = frozenset()
    """Those among the reasons whose servers alone are concerned."""


@dataclass(frozen=True)
class Postponed:
    """A reload that has to wait its turn. What needs none was done meanwhile."""

    reasons: tuple[str, ...]
    at: float
    """Monotonic seconds."""


Plan = Union[NoChange, RuntimeUpdate, Reload]
_BY_KEY = 200
"""More differences than this in a map, and it is replaced as a whole."""


def plan(running: Running, wanted: Wanted, ordered_maps: frozenset[str] = frozenset()) -> Plan:
    """`ordered_maps`: those in which the order of the entries means something."""
    if running.structure != wanted.structure:
        return Reload(wanted.differences or ("settings, certificates or templates changed",))
    if not running.structure:
        return Reload(("nothing of ours runs yet",))
    found = _Found()
    for name, pool in wanted.pools.items():
        _servers(found, name, pool, running)
    if found.obstacles:
        return Reload(tuple(found.obstacles), frozenset(found.obstructed))
    maps = tuple(
        change
        for name, entries in wanted.maps.items()
        if (change := _map(name, running.maps.get(name, ()), entries, ordered=name in ordered_maps))
    )
    found.reasons += [f"{change.name}: {_words(change)}" for change in maps]
    if wanted.maxconn is not None and running.maxconn not in {None, wanted.maxconn}:
        found.commands.append(f"set maxconn global {wanted.maxconn}")
        found.reasons.append(f"maxconn: {running.maxconn} -> {wanted.maxconn}")
    if not found.reasons:
        return NoChange()
    return RuntimeUpdate(
        tuple(found.commands),
        maps,
        tuple(found.leaving),
        tuple(found.maintenance),
        tuple(found.reasons),
        frozenset(found.backends),
    )


def entries(text: str) -> Entries:
    """Of the text of a map file."""
    rows = (line.split(None, 1) for line in text.splitlines())
    return tuple((row[0], row[1]) for row in rows if len(row) == 2)


class _Found:
    """What is collected on the way through the backends."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.maintenance: list[str] = []
        self.leaving: list[tuple[str, str]] = []
        self.reasons: list[str] = []
        self.obstacles: list[str] = []
        self.obstructed: set[str] = set()
        self.backends: set[str] = set()

    def obstacle(self, backend: str, why: str) -> None:
        self.obstacles.append(f"backend {backend}: {why}")
        self.obstructed.add(backend)


def _servers(found: _Found, backend: str, pool: Pool, all_running: Running) -> None:
    running, lines = all_running.servers.get(backend, {}), all_running.lines.get(backend, {})
    if pool.closed:
        if {line.name: line for line in pool.lines} != lines:
            found.obstacle(backend, f"other servers, and {pool.closed}")
        return
    wanted = {line.name: line for line in pool.lines}
    new = [line for line in pool.lines if line.name not in running]
    gone = [name for name in running if name not in wanted]
    if new and pool.fixed:
        found.obstacle(backend, f"{len(new)} new servers, and {pool.fixed}")
        return
    taken = {state.id for state in running.values()}
    for line in new:
        found.commands += _added(backend, line, taken)
    changed = 0
    for name in (name for name in running if name in wanted):
        why = _why_not_the_same(wanted[name], running[name], lines.get(name))
        if why:
            found.obstacle(backend, f"server {name} {why}")
        else:
            ours = lines[name].disabled or (backend, name) in all_running.handled
            changed += _changed(found, backend, wanted[name], running[name], ours=ours)
    found.leaving += [(backend, name) for name in gone]
    if new or gone or changed:
        found.backends.add(backend)
        parts = (
            f"+{len(new)}" * bool(new),
            f"-{len(gone)}" * bool(gone),
            f"{changed} changed" * bool(changed),
        )
        found.reasons.append(f"backend {backend}: servers {' '.join(filter(None, parts))}")


def _why_not_the_same(wanted: Line, running: State, given: Line | None) -> str:
    """Why the running server cannot be made the wanted one."""
    if not same_place(running.place, wanted.place):
        return f"is at {running.place}, not at {wanted.place}"
    if given is None:
        return "was added by somebody"
    return "has other keywords" if given.keywords != wanted.keywords else ""


def _added(backend: str, line: Line, taken: set[int]) -> Iterator[str]:
    """An id that is in use is left out: HAProxy then chooses one."""
    words = [f"add server {backend}/{line.name} {line.place}"]
    if line.id and line.id not in taken:
        words.append(f"id {line.id}")
        taken.add(line.id)
    if line.weight != 1:
        words.append(f"weight {line.weight}")
    yield " ".join([*words, *line.keywords])
    if line.checked:
        yield f"enable health {backend}/{line.name}"
    if not line.disabled:  # it is added in maintenance
        yield f"set server {backend}/{line.name} state ready"


def _changed(found: _Found, backend: str, line: Line, state: State, *, ours: bool) -> int:
    before = len(found.commands) + len(found.maintenance)
    if state.weight != line.weight:
        found.commands.append(f"set server {backend}/{line.name} weight {line.weight}")
    if line.disabled and not state.maintenance:
        found.maintenance.append(f"set server {backend}/{line.name} state maint")
    elif ours and not line.disabled and (state.maintenance or state.drain):
        if line.checked:
            found.commands.append(f"enable health {backend}/{line.name}")
        found.commands.append(f"set server {backend}/{line.name} state ready")
    return int(len(found.commands) + len(found.maintenance) > before)


def same_place(one: str, other: str) -> bool:
    """Whether two spellings of address:port mean the same."""
    if one == other:
        return True
    (address, _, port), (other_address, _, other_port) = one.rpartition(":"), other.rpartition(":")
    try:
        same = ipaddress.ip_address(address.strip("[]")) == ipaddress.ip_address(other_address.strip("[]"))
    except ValueError:
        return False
    return same and port == other_port


def _map(name: str, running: Entries, wanted: Entries, *, ordered: bool) -> MapChange | None:
    if (running == wanted) if ordered else (sorted(running) == sorted(wanted)):
        return None
    old, new = dict(running), dict(wanted)
    unique = len(old) == len(running) and len(new) == len(wanted)
    add = tuple((key, value) for key, value in wanted if key not in old)
    change = tuple((key, value) for key, value in wanted if key in old and old[key] != value)
    remove = tuple(key for key in old if key not in new)
    if ordered or not unique or len(add) + len(change) + len(remove) > _BY_KEY:
        return MapChange(name, whole=wanted)
    return MapChange(name, change, add, remove)


def _words(change: MapChange) -> str:
    if change.whole is not None:
        return f"{len(change.whole)} entries, replaced"
    return f"+{len(change.add)} -{len(change.remove)} ~{len(change.set)} entries"
