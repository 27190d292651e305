"""What a soak has to find: pure, the clock is an argument."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

KEPT = 5


class Difference(NamedTuple):
    """Between what a node's HAProxy serves and what Marathon runs."""

    node: str
    what: str
    """stale: served and not run; missing: the other way round; silent: HAProxy does not answer."""
    backend: str = ""
    place: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.place} of {self.backend} on {self.node}" if self.place else self.what


def differences(
    node: str, served: frozenset[tuple[str, str]] | None, run: frozenset[tuple[str, str]]
) -> set[Difference]:
    """Both are (backend, place). `served` None: nobody answered."""
    if served is None:
        return {Difference(node, "silent")}
    stale = {Difference(node, "stale", *server) for server in served - run}
    return stale | {Difference(node, "missing", *server) for server in run - served}


@dataclass
class Ended:
    """A fault that is over; `left` are the differences of its end that are still there."""

    kind: str
    at: float
    left: set[Difference]


@dataclass
class Differences:
    """How long each one lasts, and how long all of them last after a fault."""

    bound_s: float
    since: dict[Difference, float] = field(default_factory=dict)
    slowest: list[tuple[float, Difference, tuple[str, ...]]] = field(default_factory=list)
    """The longest ones that are over: seconds, which, the faults meanwhile."""
    longest: dict[str, float] = field(default_factory=dict)
    """By `what`, with those that are not over."""
    recoveries: dict[str, list[float]] = field(default_factory=dict)
    """Seconds after each end of a kind of fault until nothing that differed then did any more."""
    late: dict[Difference, str] = field(default_factory=dict)
    """Those that lasted longer than the bound."""
    _recovering: list[Ended] = field(default_factory=list)
    _on: list[tuple[str, float, float]] = field(default_factory=list)
    """All faults: kind, beginning, end."""
    _ending: list[tuple[str, float]] = field(default_factory=list)

    def fault(self, kind: str, began: float, ends: float) -> None:
        self._on.append((kind, began, ends))
        self._ending.append((kind, ends))

    def look(self, now: float, found: Collection[Difference]) -> None:
        for gone in [each for each in self.since if each not in found]:
            self._over(gone, now)
        for each in found:
            age_s = now - self.since.setdefault(each, now)
            self.longest[each.what] = max(age_s, self.longest.get(each.what, 0.0))
            if age_s > self.bound_s and each not in self.late:
                self.late[each] = f"{each} for more than {self.bound_s:.0f} s, with {self._during(each, now)}"
        self._recover(now)

    def _over(self, gone: Difference, now: float) -> None:
        took_s = now - self.since[gone]
        self.slowest.append((took_s, gone, self._during(gone, now)))
        self.slowest = sorted(self.slowest, reverse=True)[:KEPT]
        del self.since[gone]

    def _recover(self, now: float) -> None:
        over = [each for each in self._ending if each[1] <= now]
        self._ending = [each for each in self._ending if each not in over]
        self._recovering += [Ended(kind, at, set(self.since)) for kind, at in over]
        for ended in list(self._recovering):
            ended.left &= self.since.keys()
            if not ended.left:
                self.recoveries.setdefault(ended.kind, []).append(now - ended.at)
                self._recovering.remove(ended)

    def _during(self, each: Difference, now: float) -> tuple[str, ...]:
        """Faults that were on while it lasted."""
        since = self.since[each]
        return tuple(kind for kind, began, ends in self._on if ends >= since and began <= now)


def growth_kb(samples: Sequence[Mapping[str, int]]) -> dict[str, tuple[int, int]]:
    """Of each program: the median of what it had around a quarter of the time, and of the last samples."""
    size = max(1, len(samples) // 10)
    quarter = samples[len(samples) // 4 :][:size]
    end = samples[-size:]
    return {
        name: (
            int(statistics.median(sample[name] for sample in quarter)),
            int(statistics.median(sample[name] for sample in end)),
        )
        for name in sorted(samples[0])
        if all(name in sample for sample in (*quarter, *end))
    }
