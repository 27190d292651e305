"""This node's verdict: one number in keepalived's track file, added to the node's base priority.

Levels are 41 apart and bases span 40, so the level decides first and the rank second, for one to
five nodes (16,806 combinations checked by the property test).
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
