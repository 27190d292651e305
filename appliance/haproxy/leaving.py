"""How a server leaves: others take over, its requests end, then it goes. Pure; monotonic seconds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

TAKE_OVER_S = 10.0
"""For another server to become usable before this one takes no more requests all the same."""
DRAIN_S = 60.0
"""For its requests to end. They may go on in maintenance, too; only clients that stick to it then leave."""
MAINTENANCE_RETRY_S = 1.0
"""Between attempts to delete a server that still has connections."""


class Stage(Enum):
    WAITING = "others are not ready yet"
    DRAINING = "takes no new requests"
    MAINTENANCE = "is in maintenance until its connections end"
    GONE = "gone"


@dataclass(frozen=True)
class Leaving:
    backend: str
    server: str
    since: float
    drain_s: float = DRAIN_S
    sticky: bool = False
    """Clients that it knows would come back to it while it only drains."""
    stage: Stage = Stage.WAITING
    stage_since: float = 0.0
    next_at: float = 0.0

    @property
    def place(self) -> str:
        return f"{self.backend}/{self.server}"


@dataclass(frozen=True)
class Seen:
    """What HAProxy says of the server and its neighbours."""

    present: bool
    connections: int = 0
    others_usable: bool = False


def step(leaving: Leaving, seen: Seen, now: float) -> tuple[Leaving, tuple[str, ...]]:
    """What it has come to, and the commands that make it so. Total: any input gives a stage."""
    place = leaving.place
    if not seen.present or leaving.stage is Stage.GONE:
        return replace(leaving, stage=Stage.GONE), ()
    if _has_to_wait(leaving, seen, now):
        return leaving, ()
    if leaving.stage is Stage.WAITING:
        stage, state = (Stage.MAINTENANCE, "maint") if leaving.sticky else (Stage.DRAINING, "drain")
        return _at(leaving, stage, now), (f"set server {place} state {state}",)
    if leaving.stage is Stage.DRAINING:
        maintenance = _at(leaving, Stage.MAINTENANCE, now)
        return maintenance, (f"set server {place} state maint",)
    return replace(leaving, next_at=now + MAINTENANCE_RETRY_S), (f"del server {place}",)


def _has_to_wait(leaving: Leaving, seen: Seen, now: float) -> bool:
    if leaving.stage is Stage.WAITING:
        return not seen.others_usable and now < leaving.since + TAKE_OVER_S
    if leaving.stage is Stage.DRAINING:
        return seen.connections > 0 and now < leaving.stage_since + leaving.drain_s
    return seen.connections > 0 or now < leaving.next_at


def _at(leaving: Leaving, stage: Stage, now: float) -> Leaving:
    return replace(leaving, stage=stage, stage_since=now, next_at=now)
