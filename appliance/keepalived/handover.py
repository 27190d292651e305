"""A planned move of the VIP cuts no connection: the old owner finishes what it has, the new one passes it on.

Both parts are a frozen record and one total function of what was seen; what has to be done to the
machine is the difference between two records.

- The owner has the VIP on the loopback too. When it loses the VIP, its open connections live on there.
- A standby that hears the owner announce less than its own priority will be the owner within three
  adverts. It gets ready to pass on packets of connections that it does not know, and does so as owner.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Union

from appliance.keepalived.notify import State
from appliance.keepalived.priority import LEAST_SERVING

ARMED_S = 3.0
"""By then a takeover that was to come has come."""
SHORTEST_S = 2.0
QUIET_S = 5.0
"""Without a packet for the former owner this long, nobody waits for it."""
COPY_QUIET_S = 7.0
"""Longer than QUIET_S: while packets are passed on, the former owner can answer them, be it with a reset."""
LONGEST_S = 115.0
COPY_LONGEST_S = 120.0


@dataclass(frozen=True)
class Heard:
    """One advert of another node."""

    source: str
    priority: int


@dataclass(frozen=True)
class Look:
    """What was seen at one moment."""

    state: State
    own: int | None
    """This node's effective priority; None in FAULT."""
    adverts: tuple[Heard, ...] = ()
    handed_over: int | None = None
    """Packets passed on since the table stands. None: not counted now."""
    connections: int | None = None
    """Open ones to the VIP. None: not counted now."""


@dataclass(frozen=True)
class Handover:
    """Times are seconds of the clock that `step` is given."""

    former: str = ""
    """Whom unknown connections go to; empty: nothing is passed on, no table stands."""
    since: float = 0.0
    """Of being ready, then of being the owner."""
    owner: bool = False
    handed_over: int = 0
    quiet_since: float = 0.0
    copy: bool = False
    """The VIP is on the loopback."""
    lost_at: float | None = None
    """When the copy outlived the VIP itself."""
    idle_since: float = 0.0

    @property
    def forwards(self) -> bool:
        return bool(self.former) and self.owner

    @property
    def lingers(self) -> bool:
        """No longer the owner, but connections may be open."""
        return self.copy and self.lost_at is not None


@dataclass(frozen=True)
class Arm:
    """Pass on to `former` what is unknown here."""

    former: str


@dataclass(frozen=True)
class Disarm:
    """Pass on nothing."""


@dataclass(frozen=True)
class Keep:
    """Put the VIP on the loopback, unseen by the network."""


@dataclass(frozen=True)
class Release:
    """Take it off again."""


Action = Union[Arm, Disarm, Keep, Release]


def step(before: Handover, look: Look, now: float) -> Handover:
    """The record after one look at `now`. Total: every record and look has a successor."""
    return _old_owner(_new_owner(before, look, now), look, now)


def actions(before: Handover, after: Handover) -> tuple[Action, ...]:
    """What makes the machine follow the record."""
    todo: list[Action] = []
    if after.former != before.former:
        todo.append(Arm(after.former) if after.former else Disarm())
    if after.copy != before.copy:
        todo.append(Keep() if after.copy else Release())
    return tuple(todo)


def _new_owner(it: Handover, look: Look, now: float) -> Handover:
    if look.state is State.BACKUP:
        if it.owner:
            it = replace(it, former="", owner=False)
        for advert in look.adverts:
            it = _after(it, advert, look.own, now)
        return replace(it, former="") if it.former and now - it.since >= ARMED_S else it
    if look.state is not State.MASTER or look.own is None or look.own < LEAST_SERVING:
        return replace(it, former="", owner=False)
    if not it.owner:
        return replace(it, owner=True, since=now, quiet_since=now, handed_over=0)
    if look.handed_over is not None and look.handed_over != it.handed_over:
        it = replace(it, handed_over=look.handed_over, quiet_since=now)
    enough = now - it.since >= SHORTEST_S and now - it.quiet_since >= QUIET_S
    return replace(it, former="") if enough or now - it.since >= LONGEST_S else it


def _after(it: Handover, advert: Heard, own: int | None, now: float) -> Handover:
    """Ready exactly towards an owner that works and that this node is about to succeed."""
    planned = own is not None and LEAST_SERVING <= advert.priority < own
    if planned and it.former != advert.source:
        return replace(it, former=advert.source, since=now)
    return it if planned else replace(it, former="")


def _old_owner(it: Handover, look: Look, now: float) -> Handover:
    serves = look.own is not None and look.own >= LEAST_SERVING
    if not serves or look.state not in (State.MASTER, State.BACKUP):
        return _gone(it)
    if look.state is State.MASTER:
        return replace(it, copy=True, lost_at=None)
    if not it.copy:
        return it
    if it.lost_at is None:
        return replace(it, lost_at=now, idle_since=now)
    idle_since = now if look.connections else it.idle_since
    over = now - idle_since >= COPY_QUIET_S or now - it.lost_at >= COPY_LONGEST_S
    return _gone(it) if over else replace(it, idle_since=idle_since)


def _gone(it: Handover) -> Handover:
    return replace(it, copy=False, lost_at=None)
