"""All nodes at one moment: who owns the VIP, why, and what is wrong."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from appliance.health.verdict import Verdict, named
from appliance.keepalived import priority
from appliance.settings import AGENT_PORT, FLOATING
from appliance.status import domain, troubles
from appliance.status.node import OWNER, STANDBY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from appliance.settings import Node, Settings

NO_MORE: Mapping[str, Sequence[str]] = MappingProxyType({})
SCHEMA = "marathon-ha-appliance/status/1"
DEADLINE_S = 1.0
CLOCKS_APART_S = 2.0
"""Beyond that, ages that nodes compare with each other mean nothing."""
UNREACHABLE = "unreachable"
LARGEST_ANSWER = 4_000_000
_FIGURES = re.compile(r"\d+")
LASTING_S = 1.0
"""A VIP that moves is on two nodes for some tens of milliseconds; longer than this, something is wrong."""


@dataclass(frozen=True)
class Row:
    """One node. `facts` is its agent's answer, empty if there was none; `problem` says why."""

    name: str
    address: str
    rank: int
    facts: Mapping[str, Any]
    problem: str = ""
    ahead_s: float = 0.0
    """Of its clock before this node's, as far as the answer's way leaves no doubt."""

    @property
    def role(self) -> str:
        return str(self.facts.get("role", UNREACHABLE))

    @property
    def holds(self) -> bool:
        return self.facts.get("holds_vip") is True

    @property
    def verdict(self) -> Verdict:
        return named(str(self.part("health").get("verdict")))

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(map(str, self.part("health").get("reasons") or ()))

    @property
    def weight(self) -> int:
        weight = self.part("priority").get("weight")
        return weight if isinstance(weight, int) else 0

    @property
    def arithmetic(self) -> str:
        """`slave-2 236 = 72 + 164 (healthy)`."""
        return self.sum_at(self.rank)

    def sum_at(self, rank: int) -> str:
        """The same with the rank that it has for a VIP."""
        if not self.facts:
            return f"{self.name} does not answer"
        base, words = priority.base(rank), self.verdict.words
        effective = priority.effective(rank, self.weight)
        if self.reasons:
            words += f": {', '.join(self.reasons)}"
        if effective is None:
            return f"{self.name} FAULT ({words})"
        sign = "-" if self.weight < 0 else "+"
        return f"{self.name} {effective} = {base} {sign} {abs(self.weight)} ({words})"

    @property
    def floating(self) -> bool:
        """Whether it waits for Marathon to run a load balancer there, so that having none is no fault."""
        return self.facts.get("mode") == FLOATING

    def of_vip(self, address: str) -> Mapping[str, Any]:
        """What it says of one VIP; empty if it does not know it."""
        said = self.facts.get("vips")
        of_vip = (it for it in said if it.get("address") == address) if isinstance(said, list) else ()
        return next(iter(of_vip), {})

    def has_settled(self, address: str) -> bool:
        """Whether it has this VIP for longer than a move takes; taken for granted where it does not say."""
        held_s = self.of_vip(address).get("held_s", LASTING_S)
        return isinstance(held_s, (int, float)) and held_s >= LASTING_S

    def part(self, key: str) -> Mapping[str, Any]:
        part = self.facts.get(key)
        return part if isinstance(part, dict) else {}


@dataclass(frozen=True)
class Alarm:
    """Something a person should know. `id` is stable: it names the page in the runbook."""

    id: str
    text: str
    nodes: tuple[str, ...] = ()
    """Those that tell it of themselves; none: it is about all of them."""


@dataclass(frozen=True)
class View:
    vip: str
    rows: tuple[Row, ...]
    why: str
    alarms: tuple[Alarm, ...]
    more: tuple[str, ...] = ()
    """Of each further VIP: who has it, and why. And where the domain leads."""

    @property
    def owners(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.holds)


def ask(settings: Settings) -> View:
    """Ask all agents at once. Takes at most a second; a node that does not answer is a row, no error."""
    nodes = settings.cluster.nodes
    answers: dict[str, tuple[dict[str, Any], str, float]] = {}

    def one(node: Node) -> None:
        began = time.time()
        facts, problem = get(node.address)
        answers[node.address] = facts, problem, ahead_s(facts.get("at"), began, time.time())

    threads = [threading.Thread(target=one, args=(node,), daemon=True) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    late: tuple[dict[str, Any], str, float] = ({}, f"no answer within {DEADLINE_S:g} s", 0.0)
    rows = tuple(
        Row(node.name, node.address, rank, *answers.get(node.address, late))
        for rank, node in enumerate(nodes)
    )
    return view_of(settings, rows)


def view_of(settings: Settings, rows: Sequence[Row]) -> View:
    """The picture with the VIPs of `settings`."""
    orders = {
        vip.address: [node.name for node in settings.cluster.preferring(vip)] for vip in settings.more_vips
    }
    return view(settings.vip.address, rows, orders)


def ahead_s(said: object, asked_at: float, answered_at: float) -> float:
    """How far a clock that said `said` is ahead (or behind, below 0) of the one of the other two."""
    if not isinstance(said, (int, float)):
        return 0.0
    return max(said - answered_at, 0.0) or min(said - asked_at, 0.0)


def view(vip: str, rows: Sequence[Row], orders: Mapping[str, Sequence[str]] = NO_MORE) -> View:
    """The picture that follows from what the nodes say. Pure. `orders`: nodes by rank of each further VIP."""
    alarms = [*_alarms(vip, rows), *(alarm for more in orders for alarm in _owner_alarms(more, rows))]
    known = [(row.name, row.facts) for row in rows if row.facts]
    alarms += [Alarm(*it) for it in (*troubles.drift(known), *troubles.versions(known))]
    more = tuple(_why_more(address, order, rows) for address, order in orders.items())
    said = [(row.name, row.part("domain")) for row in rows]
    alarms += [*_lists_differ(rows), *(Alarm(*alarm) for alarm in domain.alarms(said))]
    return View(vip, tuple(rows), _why(vip, rows), tuple(alarms), (*more, *domain.line(said)))


def _why_more(vip: str, order: Sequence[str], rows: Sequence[Row]) -> str:
    owners = [row.name for row in rows if row.of_vip(vip).get("holds")]
    sums = ", ".join(row.sum_at(order.index(row.name)) for row in rows)
    where = f"on {' and '.join(owners)} because" if owners else "on no node"
    return f"VIP {vip} is {where}: {sums}"


def _owner_alarms(vip: str, rows: Sequence[Row]) -> list[Alarm]:
    """Of a further VIP."""
    return _owners(vip, [row for row in rows if row.of_vip(vip).get("holds")], rows)


def _owners(vip: str, owners: Sequence[Row], rows: Sequence[Row]) -> list[Alarm]:
    if not owners and not _others_unknown(rows):
        return [Alarm("VIP-NO-OWNER", f"no node that answers has {vip}")]
    if sum(row.has_settled(vip) for row in owners) > 1:
        names = ", ".join(row.name for row in owners)
        text = f"{vip} is on {names}: do they hear each other (protocol 112)?"
        return [Alarm("VIP-TWO-OWNERS", text)]
    return []


def _lists_differ(rows: Sequence[Row]) -> list[Alarm]:
    """Two nodes of one rank race, and a node that another does not know is not heard by it."""
    lists: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        listed = row.facts.get("nodes")
        if isinstance(listed, list) and len(rows) > 1:
            lists.setdefault(tuple(map(str, listed)), []).append(row.name)
    if len(lists) < 2:
        return []
    said = "; ".join(f"{' and '.join(names)} {', '.join(listed)}" for listed, names in lists.items())
    text = f"the nodes do not list the same nodes in the same order: {said}; run appliance-setup on each"
    return [Alarm("NODES-DIFFER", text)]


def _why(vip: str, rows: Sequence[Row]) -> str:
    owners = [row.name for row in rows if row.holds]
    sums = ", ".join(row.arithmetic for row in rows)
    if owners:
        return f"VIP {vip} is on {' and '.join(owners)} because: {sums}"
    if _others_unknown(rows):
        return f"VIP {vip} is not on this node and its peers are not known here (setup's --peer): {sums}"
    return f"VIP {vip} is on no node: {sums}"


def _others_unknown(rows: Sequence[Row]) -> bool:
    """Multicast without known peers: some other node may well own the VIP."""
    return len(rows) == 1 and rows[0].role == STANDBY


def _alarms(vip: str, rows: Sequence[Row]) -> list[Alarm]:
    alarms = _owners(vip, [row for row in rows if row.holds], rows)
    known = [row for row in rows if row.facts]
    if any(row.floating for row in known) and not any(row.verdict.serves for row in known):
        text = (
            "Marathon runs the load balancer on no node that answers: 'appliance marathon-app' prints its app"
        )
        alarms.append(Alarm("LB-NOWHERE", text))
    return alarms + _frozen(rows) + _together([alarm for row in rows for alarm in _alarms_of(row)])


def _together(alarms: Sequence[Alarm]) -> list[Alarm]:
    """One line for what several nodes say in the same words, but for figures in it."""
    groups: dict[tuple[str, str], list[Alarm]] = {}
    for alarm in alarms:
        groups.setdefault((alarm.id, _FIGURES.sub("#", alarm.text)), []).append(alarm)
    return [_as_one(group) for group in groups.values()]


def _as_one(group: Sequence[Alarm]) -> Alarm:
    names = tuple(dict.fromkeys(name for alarm in group for name in alarm.nodes))
    text = group[0].text
    return Alarm(group[0].id, f"{', '.join(names)}: {text}" if names else text, names)


def _frozen(rows: Sequence[Row]) -> list[Alarm]:
    paused = [row.name for row in rows if row.part("health").get("paused")]
    if not paused:
        return []
    text = f"priorities are frozen on {', '.join(paused)}: no failure moves the VIP; 'appliance resume'"
    return [Alarm("PAUSED", text)]


def _alarms_of(row: Row) -> list[Alarm]:
    if not row.facts:
        return [Alarm("NODE-UNREACHABLE", f"{row.name} ({row.address}): {row.problem}")]
    alarms = []
    if abs(row.ahead_s) >= CLOCKS_APART_S:
        side = "ahead of" if row.ahead_s > 0 else "behind"
        text = f"the clock of {row.name} is {abs(row.ahead_s):.0f} s {side} this node's: let NTP set both"
        alarms.append(Alarm("CLOCKS-APART", text))
    heard = (*troubles.told(row.facts, "vrrp"), *troubles.of_generator(row.facts))
    alarms += [Alarm(identity, text, (row.name,)) for identity, text in heard]
    return alarms + [alarm for alarm in [_verdict_alarm(row)] if alarm]


def state_alarms(row: Row) -> list[Alarm]:
    """What follows from the state of this one node."""
    alarm = _verdict_alarm(row)
    return [*_frozen([row]), *([alarm] if alarm else [])]


def _verdict_alarm(row: Row) -> Alarm | None:
    names = (row.name,)
    if row.part("health").get("draining"):
        return Alarm("MAINTENANCE", "is drained; 'appliance undrain' there ends it", names)
    if row.role not in (OWNER, STANDBY):
        return Alarm("VRRP-DOWN", f"VRRP is {row.role}", names)
    if row.verdict is Verdict.DEGRADED:
        return Alarm("LB-DEGRADED", ", ".join(row.reasons), names)
    if not row.verdict.serves and not row.floating:
        return Alarm("LB-DOWN", ", ".join(row.reasons), names)
    return None


def get(address: str, path: str = "/status.json") -> tuple[dict[str, Any], str]:
    """What the agent there answers, and why it does not; takes at most a second or so."""
    connection = http.client.HTTPConnection(address, AGENT_PORT, timeout=DEADLINE_S)
    try:
        connection.request("GET", path)
        facts = json.loads(connection.getresponse().read(LARGEST_ANSWER))
    except OSError as error:
        return {}, f"its agent on port {AGENT_PORT} does not answer: {error.strerror or error}"
    except (http.client.HTTPException, ValueError):
        return {}, f"something else than our agent answers on port {AGENT_PORT}"
    finally:
        connection.close()
    return (facts, "") if isinstance(facts, dict) else ({}, "its answer is no JSON object")
