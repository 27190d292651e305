"""All nodes' agents, asked over and over, each by a thread of its own: a dead node holds up nobody."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Callable

from appliance.status import cluster
from appliance.status.cluster import Row
from appliance.status.events import is_event
from appliance.status.page.cards import card

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from appliance.settings import Node, Settings
    from appliance.status.page.interest import Interest

WATCHED_S, IDLE_S = 0.4, 5.0
OVERDUE_S = 0.7
"""A node that has not answered for so long is shown as silent, though it is still waited for."""
EVENTS_EACH_S = 2.0
EVENTS_PAGE = "/events.json"

Get = Callable[[str, str], "tuple[dict[str, Any], str]"]
"""`cluster.get`: what the agent at an address answers to a path, and why it does not."""


@dataclass(frozen=True)
class Known:
    """Of one node. Times are monotonic."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    problem: str = "not asked yet"
    ahead_s: float = 0.0
    events: tuple[Mapping[str, Any], ...] = ()
    events_at: float = 0.0
    answered_at: float = 0.0
    asking_since: float = 0.0
    """0.0: it is not being asked now."""

    def silent(self, now: float) -> bool:
        return bool(self.asking_since) and now - self.asking_since > OVERDUE_S


class Peers:
    """Threads from `follow` on, to the end of the program or until the node is no more."""

    def __init__(self, interest: Interest, get: Get) -> None:
        self._interest, self._get = interest, get
        self._known: dict[str, Known] = {}

    def follow(self, settings: Settings) -> None:
        """Ask the nodes that `settings` names, and no others."""
        addresses = {node.address for node in settings.cluster.nodes}
        for gone in self._known.keys() - addresses:
            self._known.pop(gone, None)
        for address in addresses - self._known.keys():
            self._known[address] = Known()
            name = f"page asks {address}"
            threading.Thread(target=self._ask_forever, args=(address,), name=name, daemon=True).start()

    def rows(self, nodes: Sequence[Node], now: float) -> tuple[Row, ...]:
        return tuple(_row(node, rank, self._of(node), now) for rank, node in enumerate(nodes))

    def events(self, nodes: Sequence[Node]) -> list[Mapping[str, Any]]:
        """Of all nodes, each with the name of the `node` that tells it."""
        return [{**event, "node": node.name} for node in nodes for event in self._of(node).events]

    def as_of(self, nodes: Sequence[Node], now: float) -> float:
        """Since when each node has answered, or is known not to."""
        known = map(self._of, nodes)
        return min((now if one.silent(now) else one.answered_at for one in known), default=now)

    def _of(self, node: Node) -> Known:
        return self._known.get(node.address, Known())

    def _ask_forever(self, address: str) -> None:
        self._ask(address)
        while self._interest.pause(WATCHED_S, IDLE_S) and address in self._known:
            self._ask(address)

    def _ask(self, address: str) -> None:
        before = self._known.get(address, Known())
        began = time.time()
        self._known[address] = replace(before, asking_since=time.monotonic())
        facts, problem = _understood(*self._get(address, "/status.json"))
        now = time.monotonic()
        ahead_s = cluster.ahead_s(facts.get("at"), began, time.time())
        fresh = replace(
            before, facts=facts, problem=problem, ahead_s=ahead_s, answered_at=now, asking_since=0.0
        )
        self._known[address] = fresh
        changed = _state(facts) != _state(before.facts)
        if facts and (changed or now - before.events_at >= EVENTS_EACH_S):
            answer, _ = self._get(address, EVENTS_PAGE)
            found = answer.get("events")
            events = tuple(filter(is_event, found)) if isinstance(found, list) else before.events
            # What changes is told a moment after it is seen: look again soon.
            self._known[address] = replace(fresh, events=events, events_at=0.0 if changed else now)


def _understood(facts: Mapping[str, Any], problem: str) -> tuple[Mapping[str, Any], str]:
    """What another version, or something else, says must not end the page."""
    try:
        row = Row("", "", 0, facts)
        cluster.view("", [row])
        card(row)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        return {}, f"its answer cannot be understood: {error!r}"
    return facts, problem


def _state(facts: Mapping[str, Any]) -> tuple[object, ...]:
    vrrp = facts.get("vrrp")
    return facts.get("role"), vrrp.get("state_since") if isinstance(vrrp, dict) else None


def _row(node: Node, rank: int, known: Known, now: float) -> Row:
    if known.silent(now):
        return Row(node.name, node.address, rank, {}, f"has not answered for {OVERDUE_S:g} s")
    return Row(node.name, node.address, rank, known.facts, known.problem, known.ahead_s)
