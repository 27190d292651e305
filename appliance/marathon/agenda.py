"""What has to be read from Marathon, and when. The clock is an argument.

The first change acts at once, what follows within FOLD_S is folded. An event re-reads the apps that it
names; everything is read when a stream opens, when nothing says which apps, and on a timer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Callable

from appliance.marathon.events import ATTACHED, GROUP_CHANGE

if TYPE_CHECKING:
    from appliance.marathon.events import Event

FOLD_S = 0.1
PLAN_GRACE_S = 1.0
"""A changed group is followed, or preceded, by the plan that names the apps."""
PLAN_VALID_S = 10.0
FEW = 20
"""So many apps are always read one by one; more only if they are a small part of all."""
SMALL_PART = 0.05
EARLIER = 0.2
"""By so much of the period, at most, the timer comes early: nodes that began at once drift apart."""
SHOWN = 5


@dataclass(frozen=True)
class Read:
    """One batch, because of `reason`. `apps` None: everything."""

    apps: tuple[str, ...] | None
    reason: str = ""


@dataclass
class Agenda:
    """Used by one thread at a time. Times are monotonic seconds."""

    period_s: float
    """Of the timer, at most."""
    fold_s: float = FOLD_S
    draw: Callable[[], float] = lambda: 0.0
    """How much earlier it comes this time, as a part of EARLIER."""
    apps: set[str] = field(default_factory=set)
    everything: str = ""
    """Why all has to be read; '' if it need not."""
    due: float = math.inf
    timer: float = 0.0
    named: set[str] = field(default_factory=set)
    """Apps of which events told since everything was read."""
    announced: set[str] = field(default_factory=set)
    """Those of them whose tasks may have ended: that they are gone is no surprise …"""
    stopped: set[str] = field(default_factory=set)
    """… and those that may not be listed any more at all."""
    not_before: float = 0.0
    """A master's failure needs a pause."""
    kinds: set[str] = field(default_factory=set)
    """Of the events that named `apps`."""
    _plans: dict[str, float] = field(default_factory=dict)
    _plan_by: float = math.inf
    _last: float = -math.inf

    def hear(self, event: Event, now: float) -> None:
        if event.may_end and event.apps:
            self.announced |= event.apps
            self.stopped |= event.stopped
        if event.kind == ATTACHED:
            self.not_before = now
            self.want_all("the event stream is open", now)
        elif event.kind == GROUP_CHANGE:
            planned = {app_id for app_id, seen in self._plans.items() if now - seen < PLAN_VALID_S}
            self._plan_by = math.inf if planned else min(self._plan_by, now + PLAN_GRACE_S)
            self._want(planned, now, event.kind)
        elif event.apps is None:
            self.want_all(f"{event.kind} names no app", now)
        else:
            if event.kind.startswith("deployment"):
                self._plan_by = math.inf
                self._plans.update(dict.fromkeys(event.apps, now))
            self._want(event.apps, now, event.kind)

    def want_all(self, reason: str, now: float) -> None:
        """Read everything at `now`, which may be some time from now."""
        self.everything = self.everything or reason
        self.due = min(self.due, max(now, self._last + self.fold_s))

    def retry(self, at: float) -> None:
        """Reading failed: once more, everything, and nothing before."""
        self.everything = self.everything or "the last attempt failed"
        self.due = self.not_before = at

    def next_at(self) -> float:
        return max(min(self.due, self.timer, self._plan_by), self.not_before)

    def take(self, now: float, known: int) -> Read | None:
        """What is due; `known` is how many apps there are."""
        if now < self.next_at():
            return None
        if now >= self._plan_by:
            self.everything = self.everything or "a group changed, and no plan names its apps"
        if now >= self.timer:
            self.everything = self.everything or "once in a while"
        if len(self.apps) > max(FEW, known * SMALL_PART):
            self.everything = self.everything or f"events name {len(self.apps)} apps"
        told = f"{', '.join(sorted(self.kinds))} of {listed(sorted(self.apps))}"
        read = Read(None, self.everything) if self.everything else Read(tuple(sorted(self.apps)), told)
        self.apps, self.kinds, self.everything = set(), set(), ""
        self.due, self._last = math.inf, now
        if read.apps is None:
            self._plan_by = math.inf
            self.timer = now + self.period_s * (1.0 - EARLIER * self.draw())
        self._plans = {app_id: seen for app_id, seen in self._plans.items() if now - seen < PLAN_VALID_S}
        return read

    def _want(self, apps: set[str] | frozenset[str], now: float, kind: str) -> None:
        if apps:
            self.kinds.add(kind)
            self.apps |= apps
            self.named |= apps
            self.due = min(self.due, max(now, self._last + self.fold_s))


def listed(app_ids: list[str]) -> str:
    more = len(app_ids) - SHOWN
    return ", ".join(app_ids[:SHOWN]) + (f" and {more} more" if more > 0 else "")
