"""Priorities: a base by rank plus the weight in the track file."""

from __future__ import annotations

TOP = 82
STEP = 10
FAULT = -254
LEAST_SERVING = TOP + 1
"""The least that a node with a working load balancer announces: one without it has its base at most."""


def base(rank: int) -> int:
    """82, 72, 62, 52, 42 for ranks 0 to 4."""
    return TOP - STEP * rank


def effective(rank: int, weight: int) -> int | None:
    """What the node announces, within 1 to 246; None while it is in FAULT."""
    return None if weight <= FAULT else base(rank) + weight
