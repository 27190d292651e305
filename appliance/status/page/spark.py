"""A series of numbers as the points of a small line, drawn where no script runs, too. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def points(series: Sequence[float], *, width: int, height: int, top: float = 0.0) -> str:
    """`x,y x,y …` for SVG's polyline. `top` is the number at the upper edge; 0.0: the greatest of all."""
    if len(series) < 2:
        return ""
    most = top or max(series) or 1.0
    step = width / (len(series) - 1)
    return " ".join(
        f"{round(place * step)},{round(height - height * min(value / most, 1.0))}"
        for place, value in enumerate(series)
    )


def amount(rate: float) -> str:
    """`0`, `0.4`, `12`, `1,204`."""
    return f"{rate:.1f}".removesuffix(".0") if rate < 10 else f"{rate:,.0f}"
