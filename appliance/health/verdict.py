"""This node's verdict: one number in keepalived's track file, added to the node's base priority.

Levels are 41 apart and bases span 40, so the level decides first and the rank second, for one to
five nodes (checked for every combination by the property test).
"""

from __future__ import annotations

from enum import Enum

STEP = 41


class Verdict(Enum):
    """The value is what stands in the track file."""

    HEALTHY = 4 * STEP
    DEGRADED = 3 * STEP
    DRAINING = 2 * STEP
    DRAINING_DEGRADED = STEP
    NO_LB = 0
    NO_LB_DRAINING = -STEP
    FAULT = -254
    """Just failed while a peer is healthy: keepalived says priority 0 at once, the peer takes over."""

    @property
    def serves(self) -> bool:
        """Whether a load balancer works behind it, so that the VIP may be handed to this node."""
        return self.value > 0

    @property
    def words(self) -> str:
        return WORDS[self]


WORDS = {
    Verdict.HEALTHY: "healthy",
    Verdict.DEGRADED: "degraded",
    Verdict.DRAINING: "draining",
    Verdict.DRAINING_DEGRADED: "draining, degraded",
    Verdict.NO_LB: "no working load balancer",
    Verdict.NO_LB_DRAINING: "no working load balancer, draining",
    Verdict.FAULT: "just failed",
}


def named(name: str) -> Verdict:
    """The verdict that a report calls `name`; NO_LB for a name that this version does not know."""
    return Verdict.__members__.get(name, Verdict.NO_LB)


def weighing(weight: int) -> Verdict:
    """The verdict whose number is `weight`, as keepalived takes it from the track file."""
    if weight <= Verdict.FAULT.value:
        return Verdict.FAULT
    return next((verdict for verdict in Verdict if verdict.value == weight), Verdict.NO_LB)
