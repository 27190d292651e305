"""Which moves of the VIP a soak of Marathon's faults explains: pure, from what the nodes recorded.

A node that alone is cut off from Marathon, or that sees far fewer servers up than a peer, counts as degraded
and leaves the VIP to its peers, until it knows as much as they do. Nothing else may move the VIP here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from appliance.health.compare import ALLOWED_AGE_S, LASTING_S
from appliance.health.state import BLIND, CUT_OFF
from appliance.lab.marathon.faults.kind import Stage
from appliance.lab.marathon.faults.table import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SOON_S = 3.0
"""Between a verdict and what VRRP makes of it, on a busy machine."""
NOTICED_S = 5.0
"""Between a fault and the first request that meets it, or the pause after one."""
LOSES_EVENTS = frozenset(
    f"stream-{name}" for name in ("bad-json", "bad-utf8", "burst", "drop", "no-type", "nul", "silent")
)
CUTS = frozenset(
    name
    for name, kind in KINDS.items()
    if kind.stage in (Stage.CLUSTER, Stage.STREAM, Stage.ANSWER, Stage.BODY) or name in LOSES_EVENTS
)
"""Faults that can keep a node from Marathon's word."""
CHANGES = CUTS | {name for name, kind in KINDS.items() if kind.stage is Stage.CONTENT}
"""Faults that can have one node told of other servers than the rest."""
EXPLAINS: Mapping[str, frozenset[str]] = {CUT_OFF: CUTS, BLIND: CHANGES}
"""By the reason that a node gives for being degraded."""


class Injected(NamedTuple):
    """A fault that was on. Times are unix seconds."""

    kind: str
    began: float
    ends: float


class Degraded(NamedTuple):
    """From when to when a node counted as worse than a peer, and for what."""

    node: str
    began: float
    ended: float
    reasons: tuple[str, ...]


def degradations(node: str, verdicts: Iterable[Mapping[str, Any]]) -> list[Degraded]:
    """Of the events of one node, oldest first, those times at which it was degraded by comparison alone."""
    found: list[Degraded] = []
    began, reasons = 0.0, ()
    for event in verdicts:
        if reasons:
            found.append(Degraded(node, began, event["at"], reasons))
        compared = event["verdict"] == "DEGRADED" and bool(event["reasons"])
        compared = compared and set(event["reasons"]) <= EXPLAINS.keys()
        began, reasons = event["at"], tuple(event["reasons"]) if compared else ()
    return [*found, Degraded(node, began, float("inf"), reasons)] if reasons else found


def faults_behind(one: Degraded, injected: Sequence[Injected]) -> tuple[str, ...]:
    """The faults that can have begun it: on when the node's picture began to age, or since."""
    since = one.began - ALLOWED_AGE_S - LASTING_S - NOTICED_S
    able = frozenset().union(*(EXPLAINS[reason] for reason in one.reasons))
    return tuple(
        fault.kind
        for fault in injected
        if fault.kind in able and fault.began <= one.began - LASTING_S and fault.ends >= since
    )


class Judged(NamedTuple):
    explained: list[str]
    unexplained: list[str]


def judge(moves: Mapping[str, Sequence[Mapping[str, Any]]], injected: Sequence[Injected]) -> Judged:
    """`moves`: by node, its events of kinds vrrp and verdict since the beginning, oldest first."""
    spans = [
        span
        for node, events in moves.items()
        for span in degradations(node, (event for event in events if event["kind"] == "verdict"))
    ]
    judged = Judged([], [])
    for node, events in moves.items():
        for event in events:
            if event["kind"] == "vrrp":
                why = _why(node, event, spans, injected)
                line = f"{node} {event['message']}"
                judged.explained.append(f"{line} ({why})") if why else judged.unexplained.append(line)
    return judged


def _why(node: str, event: Mapping[str, Any], spans: Sequence[Degraded], injected: Sequence[Injected]) -> str:
    """The degradation whose beginning or end this is, with its faults; empty: there is none."""
    change = (event["before"], event["state"])
    for span in spans:
        faults = faults_behind(span, injected)
        edge = {
            ("MASTER", "BACKUP"): span.began if span.node == node else span.ended,
            ("BACKUP", "MASTER"): span.ended if span.node == node else span.began,
        }.get(change)
        if not faults or edge is None or abs(event["at"] - edge) > SOON_S:
            continue
        if change == ("MASTER", "BACKUP") and span.node == node and not _named(event["cause"], span):
            continue
        return f"{span.node}: {', '.join(span.reasons)}; faults: {', '.join(dict.fromkeys(faults))}"
    return ""


def _named(cause: str, span: Degraded) -> bool:
    return any(reason in cause for reason in span.reasons)
