"""How many instances a step of a deployment starts and ends now. Pure arithmetic of Marathon 1.8."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.lab.marathon.model import RUNNING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from appliance.lab.marathon.model import Instance


@dataclass(frozen=True)
class Moves:
    """What to do now; a step with nothing to do is done when `done`."""

    start: int = 0
    end: int = 0
    done: bool = False


def scale(target: int, wanted: int, ready: int, leaving: int) -> Moves:
    """`wanted` instances are meant to stay, `ready` of them serve, `leaving` are on their way out."""
    return Moves(
        start=max(0, target - wanted),
        end=max(0, wanted - target),
        done=wanted == target and ready == target and not leaving,
    )


@dataclass(frozen=True)
class Restart:
    """What a rolling restart sees."""

    target: int
    old_at_start: int
    old_staying: int
    """Older versions not yet told to end."""
    old_alive: int
    """… plus those told to end that are not dead."""
    new: int
    new_ready: int


def restart(seen: Restart, strategy: Mapping[str, Any], *, resident: bool) -> Moves:
    """What to start and end now.

    minHealthy = ceil(n · minimumHealthCapacity), capacity = floor(n · (1 + maximumOverCapacity)).
    What exceeds minHealthy ends at once; later each new instance that is ready ends one old.
    """
    min_healthy = math.ceil(seen.target * strategy["minimumHealthCapacity"])
    capacity = math.floor(seen.target * (1 + strategy["maximumOverCapacity"]))
    at_once = max(0, seen.old_at_start - min_healthy)
    if min_healthy == capacity <= seen.old_at_start:
        if resident:
            at_once = seen.old_at_start - min_healthy + 1
        else:
            capacity += 1
    ended = seen.old_at_start - seen.old_staying
    everything_new = seen.new_ready >= seen.target
    allowed = seen.old_at_start if everything_new else at_once + seen.new_ready
    return Moves(
        start=max(0, min(seen.target - seen.new, capacity - seen.old_alive - seen.new)),
        end=min(seen.old_staying, max(0, allowed - ended)),
        done=everything_new and seen.new == seen.target and not seen.old_alive,
    )


def victims(instances: Sequence[Instance], count: int, kill_selection: str) -> list[Instance]:
    """Who ends first: what does not run, then what is not healthy, then by `killSelection`."""
    youngest = sorted(
        instances, key=lambda each: each.running_since, reverse=kill_selection == "YOUNGEST_FIRST"
    )
    return sorted(youngest, key=lambda each: (each.condition == RUNNING, each.ready))[:count]
