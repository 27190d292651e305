"""Does this node know less of the cluster than a peer that works? Pure.

Only a difference counts: when Marathon or the tasks are gone for all, nobody is worse than the others.
Ages are told by each node on its own clock, so clocks that are apart do not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ALLOWED_AGE_S = 15.0
"""So old may a picture be while a peer's is not: longer than Marathon mostly takes to elect a leader."""
LASTING_S = 3.0
"""A deployment reaches the nodes one after the other; only what lasts longer is believed."""


@dataclass(frozen=True)
class Sight:
    """What a node knows. None: it does not say, so nothing is compared."""

    picture_age_s: float | None = None
    """How long Marathon has not confirmed what it serves; 0 while events flow."""
    servers_up: int | None = None
    """Of those that HAProxy checks."""


UNKNOWN = Sight()


def stale(own: Sight, peers: Sequence[Sight]) -> bool:
    """Cut off from Marathon while a peer is not."""
    if own.picture_age_s is None or own.picture_age_s <= ALLOWED_AGE_S:
        return False
    ages = [peer.picture_age_s for peer in peers if peer.picture_age_s is not None]
    return any(age <= ALLOWED_AGE_S and own.picture_age_s - age > ALLOWED_AGE_S for age in ages)


def blind(own: Sight, peers: Sequence[Sight]) -> bool:
    """Sees under half of the servers up that a peer sees."""
    if own.servers_up is None:
        return False
    return any(peer.servers_up is not None and 2 * own.servers_up < peer.servers_up for peer in peers)


@dataclass(frozen=True)
class Lasting:
    """Something seen, believed once it lasts, and until its end does."""

    believed: bool = False
    other_since: float | None = None
    """Since when the contrary is seen."""


NEVER = Lasting()


def follow(before: Lasting, seen: bool, now: float) -> Lasting:
    if seen is before.believed:
        return before if before.other_since is None else Lasting(seen)
    if before.other_since is None:
        return Lasting(before.believed, now)
    return Lasting(seen) if now - before.other_since >= LASTING_S else before
