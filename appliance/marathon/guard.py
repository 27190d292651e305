"""Whether an answer is believed that would take most servers away at once. Pure; the clock is an argument.

`{"apps":[]}` is what an emptied cluster answers, and also a wrong or freshly wiped one.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from appliance.marathon.model import App, Cluster, Endpoint

HOLD_S = 60.0
"""What is answered so long is believed, whatever HAProxy's checks say."""
AGAIN_S = 2.0
"""Between the questions to a cluster that is not believed."""


@dataclass(frozen=True)
class Loss:
    """Servers that an answer does not hold any more, though no event announced it."""

    missing: int
    of: int
    endpoints: frozenset[Endpoint]
    """Where the missing ones listened."""
    announced: int = 0
    """How many the announced apps had …"""
    announced_gone: int = 0
    """… and have no more."""

    @property
    def suspicious(self) -> bool:
        """Most of all are gone, and most of those not announced: announced ones excuse no other."""
        gone = self.missing + self.announced_gone
        return gone * 2 > self.of and self.missing * 2 > self.of - self.announced

    def __str__(self) -> str:
        return f"{self.missing} of {self.of} servers"


@dataclass(frozen=True)
class Held:
    """An answer that is not believed yet."""

    since: float
    loss: Loss
    reads: int = 1


def loss(known: Cluster, answer: Cluster, announced: Collection[str], stopped: Collection[str] = ()) -> Loss:
    """Compare by number: tasks that were replaced are no loss.

    That tasks of `announced` apps are gone is no surprise; that an app itself is, only of `stopped` ones.
    """
    apps = {app.id: app for app in answer.apps}
    missing = total = told = told_gone = 0
    endpoints: set[Endpoint] = set()
    for app in known.apps:
        served = places(app)
        total += served
        after = apps.get(app.id)
        gone = served - (places(after) if after else 0)
        if app.id in announced and (after is not None or app.id in stopped):
            told += served
            told_gone += max(gone, 0)
        elif after is not app and gone > 0:
            missing += gone
            staying = {task.id for task in after.tasks} if after else set()
            endpoints |= {
                endpoint
                for task in app.tasks
                if task.id not in staying
                for endpoint in task.endpoints
                if endpoint
            }
    return Loss(missing, total, frozenset(endpoints), told, told_gone)


def places(app: App) -> int:
    """How many tasks of `app` listen somewhere."""
    return sum(any(task.endpoints) for task in app.tasks)


def step(
    held: Held | None, found: Loss, now: float, *, confirmed: bool, hold_s: float = HOLD_S
) -> Held | None:
    """None: the answer is believed. `confirmed`: HAProxy, too, finds the missing servers down.

    It takes a second answer in any case, and then either that confirmation or `hold_s`.
    """
    if not found.suspicious:
        return None
    if held is None:
        return Held(now, found)
    if confirmed or now - held.since >= hold_s:
        return None
    return dataclasses.replace(held, loss=found, reads=held.reads + 1)
