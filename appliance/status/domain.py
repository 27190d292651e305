"""Where the business domain leads, as each node's resolver says. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def alarms(said: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[tuple[str, str]]:
    """(id, text): one for all nodes that find the same."""
    found: dict[tuple[str, str], list[str]] = {}
    for node, part in said:
        for alarm in part.get("alarms") or ():
            found.setdefault((str(alarm["id"]), str(alarm["text"])), []).append(node)
    for (identity, text), nodes in found.items():
        yield identity, f"{', '.join(nodes)}: {text}"


def line(said: Sequence[tuple[str, Mapping[str, Any]]]) -> tuple[str, ...]:
    """`shop.example.com is 10.0.0.250 on slave-1, slave-2`, for each answer; none without a domain."""
    found: dict[str, list[str]] = {}
    for node, part in said:
        if part.get("name"):
            addresses = ", ".join(map(str, part.get("addresses") or ())) or "not known"
            found.setdefault(f"{part['name']} is {addresses}", []).append(node)
    return tuple(f"domain {words} on {', '.join(nodes)}" for words, nodes in found.items())
