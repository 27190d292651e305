"""What keepalived says through its notify fifo, and the state that follows from it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum

LINE = re.compile(r'(?:INSTANCE|GROUP) "?([^"\s]+)"? ([A-Z_]+) (\d{1,3})')
PRIORITY_WORDS = ("MASTER_PRIORITY", "BACKUP_PRIORITY")


class State(Enum):
    MASTER = "MASTER"
    BACKUP = "BACKUP"
    FAULT = "FAULT"
    STOP = "STOP"
    UNKNOWN = "UNKNOWN"
    """Nothing was heard yet, and the interface does not tell."""


@dataclass(frozen=True)
class Notice:
    """One line. `state` is None where only the priority changed."""

    instance: str
    state: State | None
    priority: int


@dataclass(frozen=True)
class Vrrp:
    """What is known of this node's instance. `since` is unix time."""

    state: State = State.UNKNOWN
    since: float = 0.0
    priority: int | None = None


def parse(line: str) -> Notice | None:
    """`INSTANCE "LB" MASTER 250` as a notice; None for a line that is not keepalived's.

    MASTER_PRIORITY and BACKUP_PRIORITY never speak of the state: after a reload without change the
    holder of the VIP writes BACKUP_PRIORITY and nothing else.
    """
    match = LINE.fullmatch(line.strip())
    if match is None:
        return None
    instance, word, priority = match[1], match[2], int(match[3])
    if word in PRIORITY_WORDS:
        return Notice(instance, None, priority)
    if word not in State.__members__:
        return None
    return Notice(instance, State[word], priority)


def follow(vrrp: Vrrp, notice: Notice, now: float) -> Vrrp:
    """The record after `notice`. A state that is said twice (fifo and hook) stays one transition."""
    if notice.state is None or notice.state is vrrp.state:
        return replace(vrrp, priority=notice.priority)
    return Vrrp(notice.state, now, notice.priority)
