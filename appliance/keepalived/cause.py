"""Why keepalived changed its state, as far as this node can honestly know. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.keepalived.notify import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.keepalived.advert import Advert

RECENT_S = 2.0


@dataclass(frozen=True)
class Witness:
    """What was known at the moment of a transition. Ages are in seconds."""

    own_verdict: str = ""
    """In words, with its reasons."""
    own_verdict_age_s: float = 1e9
    own_priority: int | None = None
    """Base plus the track file; None in FAULT."""
    heard: Advert | None = None
    """The last advert of another node."""
    heard_age_s: float = 1e9
    advert_interval_s: float = 0.1
    names: Mapping[str, str] | None = None
    """Node names by address."""


@dataclass(frozen=True)
class Cause:
    kind: str
    """One of KINDS, to be counted by."""
    words: str
    """One line for people."""


KINDS = (STOP, START, VERDICT, FAULT, RECOVERED, ALONE, HANDED_OVER, SILENCE, PRIORITY, UNKNOWN) = (
    "stop",
    "start",
    "verdict",
    "fault",
    "recovered",
    "alone",
    "handed over",
    "silence",
    "priority",
    "unknown",
)
NOT_KNOWN = Cause(UNKNOWN, UNKNOWN)


def cause(before: State, after: State, seen: Witness) -> Cause:
    if after is State.STOP:
        return Cause(STOP, "keepalived stops")
    if after is State.FAULT:
        if seen.own_priority is None:
            return Cause(VERDICT, f"this node must not hold it: {seen.own_verdict}")
        words = "keepalived reports a fault that is not the load balancer's: see the interface and its log"
        return Cause(FAULT, words)
    if after is State.MASTER:
        return _won(seen)
    if before is State.MASTER:
        return _lost(seen)
    return {
        State.FAULT: Cause(RECOVERED, "the fault is over"),
        State.STOP: Cause(START, "keepalived started"),
        State.UNKNOWN: Cause(START, "keepalived started"),
    }.get(before, NOT_KNOWN)


def _won(seen: Witness) -> Cause:
    other = seen.heard
    if other is None:
        return Cause(ALONE, "no other owner was heard")
    name = _name(other.source, seen)
    if other.priority == 0 and seen.heard_age_s <= RECENT_S:
        return Cause(HANDED_OVER, f"{name} gave it up (priority 0)")
    if seen.heard_age_s >= 3 * seen.advert_interval_s:
        return Cause(SILENCE, f"no advert from {name} for {seen.heard_age_s * 1000:.0f} ms")
    if seen.own_priority is not None and seen.own_priority > other.priority:
        own = f"; this node: {seen.own_verdict}" if seen.own_verdict_age_s <= RECENT_S else ""
        return Cause(PRIORITY, f"own priority {seen.own_priority} is above {name}'s {other.priority}{own}")
    return NOT_KNOWN


def _lost(seen: Witness) -> Cause:
    other = seen.heard
    if seen.own_verdict_age_s <= RECENT_S and seen.own_verdict:
        winner = f"; {_name(other.source, seen)} has {other.priority}" if other and other.priority else ""
        return Cause(VERDICT, f"this node: {seen.own_verdict}{winner}")
    if other is not None and seen.heard_age_s <= RECENT_S and other.priority > (seen.own_priority or 0):
        return Cause(PRIORITY, f"{_name(other.source, seen)} announced a higher priority, {other.priority}")
    return NOT_KNOWN


def _name(address: str, seen: Witness) -> str:
    return (seen.names or {}).get(address, address)
