"""Applied configurations as records, and what differs between two of them in words. Pure.

They are compared by their texts, so any two can be: of other days, and of other versions of this program.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SHOWN = 200
"""Differences that a record holds; `config diff` shows all."""

_SECTION = re.compile(
    r"^(?=(?:global|defaults|frontend|backend|listen|userlist|peers|resolvers|mailers|cache|ring|program|"
    r"http-errors|log-forward|fcgi-app)\b)",
    re.MULTILINE,
)
MAPS_FOLDER = re.compile(r"[^\s,()]*/maps-[0-9a-f]+/")
_SERVER = re.compile(r"\s*server\s+(\S+)\s+(.*)")
_MAPS = (
    ("domain2backend.map", "route"),
    ("path2backend.map", "route"),
    ("anycase2backend.map", "route"),
    ("wildcard2host.map", "wildcard"),
    ("sni2backend.map", "TLS name"),
    ("app2backend.map", "app id"),
)


@dataclass(frozen=True)
class Text:
    """What HAProxy was given."""

    config: str = ""
    maps: Mapping[str, str] = field(default_factory=dict)
    """File name -> text."""


@dataclass(frozen=True)
class Generation:
    """One applied configuration."""

    number: int
    at: float
    """Unix seconds."""
    cause: str
    """What was heard or asked for."""
    kind: str
    """runtime or reload."""
    duration_s: float
    changes: tuple[str, ...]
    """At most SHOWN lines; the last then counts the rest."""
    hash: str


@dataclass(frozen=True)
class Pin:
    """The generation that is held, whatever Marathon runs, until it is released."""

    number: int
    since: float
    reason: str = ""


def shortened(changes: Sequence[str], most: int = SHOWN) -> tuple[str, ...]:
    more = len(changes) - most
    return (*changes[:most], *([f"and {more} more"] if more > 0 else []))


def differences(old: Text, new: Text) -> Iterator[str]:
    """One line for each route, backend, server, port and option that is new, gone or different."""
    for name, kind in _MAPS:
        yield from _entries(kind, old.maps.get(name, ""), new.maps.get(name, ""))
    before, after = _differing(old.config, new.config)
    for title in sorted(before.keys() | after.keys()):
        if title not in before:
            yield f"{title}: new{_servers(after[title])}"
        elif title not in after:
            yield f"{title}: gone{_servers(before[title])}"
        else:
            yield from (f"{title}: {words}" for words in _lines(before[title], after[title]))


def _entries(kind: str, old: str, new: str) -> Iterator[str]:
    if old == new:
        return
    before, after = (dict(line.partition(" ")[::2] for line in text.splitlines()) for text in (old, new))
    for key in sorted(before.keys() | after.keys()):
        if key not in before:
            yield f"{kind} {key}: new, to {after[key]}"
        elif key not in after:
            yield f"{kind} {key}: gone, was to {before[key]}"
        elif before[key] != after[key]:
            yield f"{kind} {key}: {before[key]} -> {after[key]}"


def _differing(old: str, new: str) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Title -> lines of the sections that are not word for word in both."""
    before, after = set(_SECTION.split(old)), set(_SECTION.split(new))
    return _titled(before - after), _titled(after - before)


def _titled(sections: set[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for section in sorted(sections):
        lines = [MAPS_FOLDER.sub("maps/", line) for line in section.splitlines()]
        kept = [
            line for line in lines if line.strip() and not line.lstrip().startswith(("#", "description "))
        ]
        if kept:
            found.setdefault(kept[0].strip(), []).extend(kept[1:])
    return found


def _lines(old: list[str], new: list[str]) -> Iterator[str]:
    """Servers by name, all else line by line; where a line stands is no difference."""
    before, after = _by_name(old), _by_name(new)
    for name in [*before, *(name for name in after if name not in before)]:
        if name not in before:
            yield f"server {name} new at {_place(after[name])}"
        elif name not in after:
            yield f"server {name} gone, was at {_place(before[name])}"
        elif before[name] != after[name]:
            yield f"server {name} {before[name]} -> {after[name]}"
    rest_before, rest_after = (
        [line.strip() for line in lines if not _SERVER.match(line)] for lines in (old, new)
    )
    yield from (f"without '{line}'" for line in rest_before if line not in rest_after)
    yield from (f"with '{line}'" for line in rest_after if line not in rest_before)


def _by_name(lines: list[str]) -> dict[str, str]:
    return {match[1]: match[2].strip() for match in map(_SERVER.match, lines) if match}


def _place(words: str) -> str:
    return words.partition(" ")[0]


def _servers(lines: list[str]) -> str:
    count = len(_by_name(lines))
    return f", {count} server{'' if count == 1 else 's'}" if count else ""
