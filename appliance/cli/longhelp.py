"""`appliance-lb --longhelp`: the flags, and all that is said by labels, templates and the environment."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from appliance.programs import environment

if TYPE_CHECKING:
    from collections.abc import Iterable

_WIDTH = 100
_INDENT = 38


def text(flags: str) -> str:
    """`flags`: what --help prints."""
    parts = [
        flags,
        _section("environment", environment.VARIABLES),
        _section("environment of 'run'", environment.RUN_VARIABLES),
    ]
    return "\n".join(parts)


def _section(title: str, entries: Iterable[tuple[str, str]]) -> str:
    return f"{title}:\n" + "".join(_entry(name, meaning) for name, meaning in entries)


def _entry(name: str, meaning: str) -> str:
    lines = textwrap.wrap(meaning, _WIDTH - _INDENT) or [""]
    fits = len(name) + 4 <= _INDENT
    head = f"  {name:<{_INDENT - 2}}{lines.pop(0)}" if fits else f"  {name}"
    return "".join(f"{line.rstrip()}\n" for line in [head, *(" " * _INDENT + line for line in lines)])
