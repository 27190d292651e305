"""Texts that a user wrote in marathon-lb's placeholder language: made safe, made modern, filled.

A text may set what it likes inside its own section. It may neither open another one, nor hold what HAProxy
would read as more than a line, nor evaluate anything: {name} is replaced, nothing else is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.haproxy.catalogue import BY_NAME
from appliance.haproxy.model import place
from appliance.haproxy.modern import TextError, modern, short

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)(?:\[([A-Za-z]+)\])?\}|[{}]")
_SECTIONS = frozenset(
    (
        *("global", "defaults", "frontend", "backend", "listen", "userlist", "peers", "resolvers"),
        *("mailers", "cache", "program", "ring", "http-errors", "fcgi-app", "log-forward", "crt-store"),
        *("traces", "acme", "log-profile", "namespace_list", "ruleset"),
    )
)
_KEYWORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
"""Escapes, quotes and variables could spell a section's name; a dot begins what concerns the whole file."""
_BIND = re.compile(r"^([ \t]*bind[ \t]+)(\S+)(.*)$", re.MULTILINE)
LONGEST = 65536
__all__ = [
    "TextError",
    "body",
    "conditions",
    "fill",
    "in_order",
    "normal",
    "rebound",
    "with_conditions_renamed",
]


def normal(text: str) -> str:
    """`text` with plain line ends, the last one included. Raises TextError for control characters."""
    text = text.replace("\r\n", "\n")
    if len(text) > LONGEST:
        raise TextError(f"is longer than {LONGEST} characters")
    for character in text:
        if (character < " " and character not in "\n\t") or character in "\x7f\x85\u2028\u2029":
            raise TextError(f"holds the control character U+{ord(character):04X}; remove it")
        if "\ud800" <= character <= "\udfff":
            raise TextError(f"holds half a character, U+{ord(character):04X}; remove it")
    return text if text.endswith("\n") or not text else text + "\n"


def fill(name: str, text: str, values: Mapping[str, object]) -> str:
    """`text` of the part `name` with each {placeholder} replaced; a raw part as it is. Raises TextError."""
    part = BY_NAME[name]
    if part.raw:
        return text

    def one(match: re.Match[str]) -> str:
        found = match[0]
        if found in ("{{", "}}"):
            return found[0]
        key = match[1]
        if key is None:
            raise TextError(f"a lone '{found}': write {found}{found} for the character itself")
        if key not in part.placeholders or key not in values:
            known = ", ".join(name for name in part.placeholders if name in values)
            raise TextError(f"{{{key}}} is no placeholder here; known: {known}")
        value = values[key]
        if not isinstance(value, str):  # the whole health check, by key
            if match[2] not in value:  # type: ignore[operator]
                raise TextError(f"{{{key}[…]}} needs one of {', '.join(value)}")  # type: ignore[arg-type]
            return str(value[match[2]])  # type: ignore[index]
        if match[2]:
            raise TextError(f"{{{key}[{match[2]}]}}: {key} has no parts")
        return value

    return _PLACEHOLDER.sub(one, text)


def body(name: str, text: str, heading: str = "") -> str:
    """The lines of a filled text, without the line that opens its own section.

    `heading` is what that line has to name; '' takes any name. Raises TextError when another section
    would begin, or for what concerns the file as a whole.
    """
    part = BY_NAME[name]
    lines = text.split("\n")
    opened = False
    kept: list[str] = []
    for line in lines:
        words = line.split()
        word = words[0] if words else ""
        if word and not word.startswith("#") and not _KEYWORD.fullmatch(word):
            raise TextError(f"'{short(line)}' does not begin with a keyword of HAProxy")
        if word in _SECTIONS or (word in ("no", "default") and words[1:2] and words[1] in _SECTIONS):
            if opened or word != part.section or any(kept_line.strip() for kept_line in kept):
                raise TextError(f"'{short(line)}' would begin another section")
            if heading and words[1:2] != [heading]:
                raise TextError(f"'{short(line)}' has to name {heading}")
            opened = True
            continue
        kept.append(line if line[:1].isspace() else f"  {line}")
    if part.section and not opened:
        raise TextError(f"has to begin with '{part.section} …'")
    return modern("".join(f"{line}\n" for line in kept if line.strip()))


_LATE = {"redirect": 2, "use_backend": 3, "default_backend": 4}
_EARLY = {"acl": 0}
_TCP = {"connection": 0, "session": 1}


def rebound(head: str, address: str) -> str:
    """The text of a frontend with every `bind` at `address`, whether this machine has it now or not."""

    def at(one: str) -> str:
        family, sign, rest = one.rpartition("@")
        if family in ("unix", "abns", "fd") or one.startswith("/"):
            return one
        return f"{family}{sign}{place(address, 0)[:-1]}{rest.rpartition(':')[2]}"

    def line(found: re.Match[str]) -> str:
        places = ",".join(map(at, found[2].split(",")))
        return f"{found[1]}{places} transparent{found[3]}"

    return _BIND.sub(line, head)


def in_order(text: str) -> tuple[list[str], list[str]]:
    """Lines of a frontend in the order in which HAProxy evaluates them, and warns about any other.

    First all that comes before backends are chosen, then the choice. Named conditions come first: HAProxy
    knows them for the whole section anyway.
    """
    lines = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    ranks = [(_rank(line), line) for line in lines]
    ranks.sort(key=lambda entry: entry[0])
    return [line for rank, line in ranks if rank < 3], [line for rank, line in ranks if rank >= 3]


def conditions(text: str) -> dict[str, tuple[str, ...]]:
    """The named conditions that a text defines, each with all that it says."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.split("\n"):
        words = line.split()
        if len(words) > 1 and words[0] == "acl":
            found[words[1]] = (*found.get(words[1], ()), " ".join(words[2:]))
    return found


def with_conditions_renamed(text: str, names: Mapping[str, str]) -> str:
    """`text` with other names for its conditions, where they are defined and where they are asked for."""
    return "".join(f"{_renamed(line, names)}\n" for line in text.split("\n") if line.strip())


def _renamed(line: str, names: Mapping[str, str]) -> str:
    words = line.split(" ")
    asked = nested = False
    for position, word in enumerate(words):
        before = [one for one in words[:position] if one]
        bare = word.removeprefix("!")
        if (before == ["acl"] or (asked and not nested)) and bare in names:
            words[position] = word[: len(word) - len(bare)] + names[bare]
        asked = asked or word in {"if", "unless"}
        nested = (nested or bare == "{") and bare != "}"
    return " ".join(words)


def _rank(line: str) -> float:
    words = line.split(None, 2)
    if words[0] == "tcp-request":
        return 0.1 + 0.1 * _TCP.get(" ".join(words[1:2]), 2)
    return _LATE.get(words[0], _EARLY.get(words[0], 1))
