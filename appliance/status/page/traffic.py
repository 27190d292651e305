"""Requests and errors each second, from HAProxy's counters, which fall to 0 at each reload. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOT_APPS = frozenset({"stats", "agent", "generator", "generator_signal", "generator_statistics"})
POINTS = 180
POINTS_OF_BACKEND = 30
_COLUMNS = 50
"""What is read stands before the first column that may hold a comma."""


@dataclass(frozen=True)
class Count:
    """Since the worker started."""

    requests: int = 0
    """TCP: sessions."""
    errors: int = 0
    """Answers 5xx, HAProxy's own too."""

    def since(self, before: Count) -> Count:
        """What came between the two; a counter that fell began anew."""
        return Count(_more(before.requests, self.requests), _more(before.errors, self.errors))


@dataclass(frozen=True)
class Statistics:
    """One answer to `show stat`, without what serves no app."""

    at: float
    counts: Mapping[str, Count]
    """By backend."""
    states: Mapping[tuple[str, str], str]
    """HAProxy's word by backend and server: UP, DOWN, MAINT, no check, …"""


@dataclass(frozen=True)
class Rates:
    """Per second. Series are oldest first."""

    times: tuple[float, ...] = ()
    requests: tuple[float, ...] = ()
    errors: tuple[float, ...] = ()
    backends: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Requests of each backend that had some."""


def parse(text: str, at: float) -> Statistics:
    """Raises ValueError if it is no answer to `show stat`."""
    head, _, rest = text.removeprefix("# ").partition("\n")
    names = head.split(",")
    backend, server, sessions, status, failed = map(
        names.index, ("pxname", "svname", "stot", "status", "hrsp_5xx")
    )
    counts: dict[str, Count] = {}
    states: dict[tuple[str, str], str] = {}
    for line in rest.splitlines():
        fields = line.split(",", _COLUMNS)
        if len(fields) <= failed or fields[backend] in NOT_APPS or fields[server] == "FRONTEND":
            continue
        if fields[server] == "BACKEND":
            counts[fields[backend]] = Count(_number(fields[sessions]), _number(fields[failed]))
        else:
            states[fields[backend], fields[server]] = fields[status]
    return Statistics(at, counts, states)


class Traffic:
    """The rates of the last POINTS looks. One thread adds, any may read what `rates` gave."""

    def __init__(self) -> None:
        self._last: Statistics | None = None
        self._total: deque[tuple[float, float, float]] = deque(maxlen=POINTS)
        self._backends: dict[str, deque[float]] = {}

    def add(self, now: Statistics) -> None:
        before, self._last = self._last, now
        if before is None or now.at <= before.at:
            return
        seconds = now.at - before.at
        differences = {
            name: count.since(before.counts.get(name, Count())) for name, count in now.counts.items()
        }
        total = _sum(differences.values())
        self._total.append((now.at, total.requests / seconds, total.errors / seconds))
        self._backends = {
            name: self._series(name, difference.requests / seconds)
            for name, difference in differences.items()
            if difference.requests or name in self._backends
        }

    def _series(self, name: str, rate: float) -> deque[float]:
        series = self._backends.get(name) or deque(maxlen=POINTS_OF_BACKEND)
        series.append(rate)
        return series

    def rates(self) -> Rates:
        """The series of a backend that is silent all the time is left out."""
        times, requests, errors = zip(*self._total) if self._total else ((), (), ())
        self._backends = {name: series for name, series in self._backends.items() if any(series)}
        return Rates(
            times, requests, errors, {name: tuple(series) for name, series in self._backends.items()}
        )


def _sum(counts: Iterable[Count]) -> Count:
    found = list(counts)
    return Count(sum(count.requests for count in found), sum(count.errors for count in found))


def _more(before: int, now: int) -> int:
    return now - before if now >= before else now


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
