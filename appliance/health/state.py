"""Is the load balancer on this node good? A frozen record and one total function of what was seen.

Two bad looks in a row, or the death of HAProxy's master, end it; twenty good ones bring it back.
A node that fails again soon after it came back is held down longer each time: it then counts as
degraded, never as "no load balancer", so that it still beats a node that has none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from appliance.health.compare import NEVER, UNKNOWN, Lasting, Sight, blind, follow, stale
from appliance.health.verdict import Verdict

LOOK_INTERVAL_S = 0.05
FALL = 2
RISE = 20
RISE_LONE = 2
"""Where Marathon runs the load balancer and no other node has one, waiting would only lengthen the outage."""
FAULT_S = 1.0
"""Longer than three adverts and the skew of every peer: by then a peer has the VIP."""
LONE_AFTER_S = 1.0
"""A peer that said nothing for so long, four questions, has none."""
PEER_FRESH_S = 2.0
"""Peers are asked four times a second; on a busy node an answer may take its time."""
PREFERRED_FRESH_S = 10.0
"""A preferred node that is silent only for agents keeps the VIP; one that died has lost it by VRRP."""
CALM_S = 120.0
"""Working this long without a failure forgives the failures before."""
MAX_HOLD_DOWN_S = 60.0
ENDED = "HAProxy ended"
CUT_OFF = "cut off from Marathon, and a peer is not"
BLIND = "sees under half of the servers up that a peer sees"


class Picture(IntEnum):
    """What HAProxy was last told to serve, and acknowledged."""

    NONE = 0
    DISK = 1
    MARATHON = 2


@dataclass(frozen=True)
class Peer:
    """What another node said of itself, and when (on this node's clock)."""

    verdict: Verdict
    at: float
    address: str = ""
    holds: bool = False
    """Its interface has the VIP."""
    sight: Sight = UNKNOWN
    knows_us: bool = True
    """Whether this node is on its list of nodes: else they do not hear each other."""


@dataclass(frozen=True)
class Look:
    """What was seen at one moment."""

    problem: str = ""
    """Why the probe was not answered; empty: it was."""
    died: bool = False
    """HAProxy's master process has ended."""
    picture: Picture = Picture.NONE
    draining: bool = False
    drain_reason: str = ""
    preferred: str = ""
    """Address of the node that a switchover chose."""
    preferred_name: str = ""
    insists: bool = False
    """That it shall have the VIP while it is degraded, too."""
    sight: Sight = UNKNOWN
    peers: tuple[Peer, ...] = ()
    releases: bool = False
    """Whether a node without a working load balancer may not hold the VIP, not even as last resort."""
    floating: bool = False
    """Marathon runs the load balancer, on one node at a time."""


@dataclass(frozen=True)
class Health:
    """Verdict and the memory behind it. Times are seconds of the clock that `step` is given."""

    verdict: Verdict = Verdict.NO_LB
    since: float = 0.0
    reasons: tuple[str, ...] = ("not looked at yet",)
    """What keeps it from being healthy, for people; empty when healthy."""
    up: bool = False
    good: int = 0
    bad: int = 0
    picture: Picture = Picture.NONE
    """The best one acknowledged so far: HAProxy serves on when Marathon or the generator go away."""
    problem: str = ""
    failed_at: float | None = None
    came_up_at: float | None = None
    failures: int = 0
    held_until: float = 0.0
    stale: Lasting = NEVER
    blind: Lasting = NEVER
    yields: bool = False
    """Works, but leaves the VIP to the node that a switchover chose."""


def step(state: Health, look: Look, now: float) -> Health:
    """The state after one look at `now`. Total: every state and look has a successor."""
    state = replace(state, picture=max(state.picture, look.picture))
    state = _failed(state, look, now) if look.died else _looked(state, look, now)
    state = _compared(state, look, now)
    verdict, reasons = _judge(state, look, now)
    since = state.since if verdict is state.verdict else now
    return replace(state, verdict=verdict, reasons=reasons, since=since)


def _looked(state: Health, look: Look, now: float) -> Health:
    if look.problem:
        state = replace(state, good=0, bad=state.bad + 1)
        return _failed(state, look, now) if state.bad >= FALL else state
    state = replace(state, good=state.good + 1, bad=0)
    if not state.up and state.good >= _rise(look, now):
        held_until = now + hold_down_s(state.failures)
        return replace(state, up=True, problem="", came_up_at=now, held_until=held_until)
    if state.came_up_at is not None and now - state.came_up_at >= CALM_S:
        return replace(state, failures=0)
    return state


def _rise(look: Look, now: float) -> int:
    others = any(peer.verdict.serves and now - peer.at <= LONE_AFTER_S for peer in look.peers)
    return RISE_LONE if look.floating and not others else RISE


def _failed(state: Health, look: Look, now: float) -> Health:
    problem = ENDED if look.died or state.problem == ENDED else look.problem
    if not state.up:
        return replace(state, good=0, problem=problem)
    return replace(
        state,
        up=False,
        good=0,
        problem=problem,
        failed_at=now,
        came_up_at=None,
        failures=state.failures + 1,
    )


def _compared(state: Health, look: Look, now: float) -> Health:
    known = [it for it in look.peers if it.verdict.serves and now - it.at <= PEER_FRESH_S]
    sights = [it.sight for it in known]
    return replace(
        state,
        stale=follow(state.stale, stale(look.sight, sights), now),
        blind=follow(state.blind, blind(look.sight, sights), now),
        yields=_preferred_works(look, now),
    )


def _preferred_works(look: Look, now: float) -> bool:
    enough = (Verdict.HEALTHY, Verdict.DEGRADED) if look.insists else (Verdict.HEALTHY,)
    return bool(look.preferred) and any(
        it.address == look.preferred and it.verdict in enough and now - it.at <= PREFERRED_FRESH_S
        for it in look.peers
    )


def hold_down_s(failures: int) -> float:
    """Nothing after the first failure, then 1, 2, 4 … 60 s."""
    return 0.0 if failures < 2 else min(2.0 ** min(failures - 2, 10), MAX_HOLD_DOWN_S)


def _judge(state: Health, look: Look, now: float) -> tuple[Verdict, tuple[str, ...]]:
    for peer in look.peers:
        if not peer.knows_us and peer.verdict.serves and now - peer.at <= PEER_FRESH_S:
            return Verdict.FAULT, (f"{peer.address} does not know this node: run appliance-setup there",)
    verdict, reasons = _worth(state, look, now)
    if look.releases and not verdict.serves:
        return Verdict.FAULT, reasons
    return verdict, reasons


def _worth(state: Health, look: Look, now: float) -> tuple[Verdict, tuple[str, ...]]:
    drained: tuple[str, ...] = (look.drain_reason,) if look.draining and look.drain_reason else ()
    if not state.up:
        why = (state.problem or f"answers for less than {RISE * LOOK_INTERVAL_S:g} s so far",)
        if _hands_over(state, look, now):
            return Verdict.FAULT, why + drained
        return (Verdict.NO_LB_DRAINING if look.draining else Verdict.NO_LB), why + drained
    if state.picture is Picture.NONE:
        why = ("no configuration is applied yet",)
        return (Verdict.NO_LB_DRAINING if look.draining else Verdict.NO_LB), why + drained
    worse = _degraded(state, now)
    if look.draining or state.yields:
        if state.yields:
            drained += (f"switched over to {look.preferred_name or look.preferred}",)
        return (Verdict.DRAINING_DEGRADED if worse else Verdict.DRAINING), drained + worse
    return (Verdict.DEGRADED if worse else Verdict.HEALTHY), worse


def _degraded(state: Health, now: float) -> tuple[str, ...]:
    reasons = []
    if state.picture is Picture.DISK:
        reasons.append("serves the last configuration from disk, Marathon has not confirmed it")
    if now < state.held_until:
        held_s = hold_down_s(state.failures)
        reasons.append(f"held down for {held_s:g} s after {state.failures} failures in a row")
    if state.stale.believed:
        reasons.append(CUT_OFF)
    if state.blind.believed:
        reasons.append(BLIND)
    return tuple(reasons)


def _hands_over(state: Health, look: Look, now: float) -> bool:
    """Only towards a peer that is known to work: alone, giving the VIP up would lengthen the outage."""
    if state.failed_at is None or now - state.failed_at >= FAULT_S:
        return False
    return any(peer.verdict.serves and now - peer.at <= PEER_FRESH_S for peer in look.peers)
