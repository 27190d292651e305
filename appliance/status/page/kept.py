"""The generations of this node's configuration for the page, without secrets."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from appliance.errors import ApplianceError
from appliance.haproxy.history import History
from appliance.status.redacted import redacted

if TYPE_CHECKING:
    from appliance.haproxy.generations import Generation, Pin
    from appliance.paths import Paths

MOST_LINES = 2000
"""Of a difference, and of a configuration: a page has to stay one that a telephone can show."""


@dataclass(frozen=True)
class Line:
    text: str
    kind: str = ""
    """new, gone, place or ''."""


@dataclass(frozen=True)
class Detail:
    generation: Generation
    earlier: int | None
    later: int | None
    difference: tuple[Line, ...]
    config: tuple[str, ...]
    left_out: int
    """Lines of the configuration that are not shown."""


def generations(paths: Paths) -> tuple[list[Generation], Pin | None, str]:
    """The newest first, which is held, and why they cannot be read ('' if they can)."""
    history = History(paths.history, paths.pin)
    try:
        found = [_clean(one) for one in reversed(history.generations())]
        return found, history.pinned(), ""
    except OSError as error:
        return [], None, f"{paths.history} cannot be read: {error.strerror}"


def detail(paths: Paths, number: int) -> Detail:
    """Raises ApplianceError if it is not kept or cannot be read."""
    history = History(paths.history, paths.pin)
    try:
        numbers = history.numbers()
        one = _clean(history.generation(number))
        earlier = next((kept for kept in reversed(numbers) if kept < number), None)
        later = next((kept for kept in numbers if kept > number), None)
        now = redacted(history.text(number).config).splitlines()
        before = redacted(history.text(earlier).config).splitlines() if earlier is not None else now
    except OSError as error:
        raise ApplianceError(f"generation {number} cannot be read: {error.strerror}") from None
    return Detail(
        one, earlier, later, _difference(before, now), tuple(now[:MOST_LINES]), max(len(now) - MOST_LINES, 0)
    )


def _difference(before: list[str], now: list[str]) -> tuple[Line, ...]:
    kinds = {"+": "new", "-": "gone", "@": "place"}
    lines = list(difflib.unified_diff(before, now, n=2, lineterm=""))[2:]
    found = tuple(Line(line, kinds.get(line[:1], "")) for line in lines[:MOST_LINES])
    left_out = len(lines) - len(found)
    return (*found, Line(f"and {left_out} more lines", "place")) if left_out else found


def _clean(one: Generation) -> Generation:
    return replace(one, cause=redacted(one.cause), changes=tuple(map(redacted, one.changes)))
