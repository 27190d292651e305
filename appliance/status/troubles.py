"""What is wrong by what a node's generator reports, as (alarm id, text). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SETTLED_S = 5.0
"""Nodes hear of a change within a moment of each other; what stays different for longer is drift."""
PICTURE_OLD_S = 120.0
"""No change stays unseen for longer than 100 s while a master answers."""
STREAM_DEAD_S = 10.0
_NAMED = 3
AWAY, SILENT = "marathon-away", "LB-SILENT"

Trouble = tuple[str, str]


def told(facts: Mapping[str, Any], key: str) -> Iterator[Trouble]:
    """The alarms that a report carries itself."""
    alarms = _part(facts, key).get("alarms")
    for it in alarms if isinstance(alarms, list) else ():
        if isinstance(it, dict) and "id" in it:
            yield str(it["id"]), str(it.get("text", ""))


def of_generator(facts: Mapping[str, Any]) -> Iterator[Trouble]:
    """`facts` is a node's status."""
    own = tuple(told(facts, "lb"))
    yield from own
    lb = _part(facts, "lb")
    last = _part(lb, "last_reload")
    if last.get("ok") is False:
        yield "RELOAD-FAILED", str(last.get("message") or "HAProxy did not take it")
    yield from _quarantine(lb)
    if not {AWAY, SILENT} & {it[0] for it in own}:
        yield from _stale(lb, _part(facts, "sight").get("picture_age_s"))


def _stale(lb: Mapping[str, Any], age_s: object) -> Iterator[Trouble]:
    if not isinstance(age_s, (int, float)):
        return
    if age_s > PICTURE_OLD_S:
        yield "PICTURE-OLD", f"what Marathon runs was confirmed {age_s:.0f} s ago"
    marathon = _part(lb, "marathon")
    if marathon.get("connected") is False and age_s > STREAM_DEAD_S:
        words = marathon.get("error") or "no event stream is open"
        yield "STREAM-DEAD", f"{words}; changes are found by reading everything"


def _quarantine(lb: Mapping[str, Any]) -> Iterator[Trouble]:
    listed = lb.get("quarantined")
    apps = (
        sorted({str(it.get("app_id")) for it in listed if isinstance(it, dict)})
        if isinstance(listed, list)
        else []
    )
    if apps:
        more = f" and {len(apps) - _NAMED} more" if len(apps) > _NAMED else ""
        verb = "is" if len(apps) == 1 else "are"
        yield (
            "QUARANTINE",
            f"{', '.join(apps[:_NAMED])}{more} {verb} not served as asked: 'appliance apps' says why",
        )


def drift(nodes: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[Trouble]:
    """Nodes, by name, that have settled on different configurations. One that is held differs on purpose."""
    found: dict[str, list[str]] = {}
    for name, facts in nodes:
        lb, configuration = _part(facts, "lb"), _part(facts, "configuration")
        age_s = configuration.get("age_s")
        settled = isinstance(age_s, (int, float)) and age_s >= SETTLED_S
        if settled and configuration.get("hash") and lb.get("applied") is True and lb.get("held") is None:
            found.setdefault(str(configuration["hash"]), []).append(name)
    if len(found) > 1:
        said = "; ".join(f"{' and '.join(names)} {digest}" for digest, names in found.items())
        yield "CFG-DRIFT", f"the nodes serve different configurations: {said}"


def versions(nodes: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[Trouble]:
    found: dict[str, list[str]] = {}
    for name, facts in nodes:
        if "version" in facts:
            found.setdefault(str(facts["version"]), []).append(name)
    if len(found) > 1:
        yield "VERSIONS-DIFFER", "; ".join(f"{' and '.join(names)} {it}" for it, names in found.items())


def _part(facts: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = facts.get(key)
    return part if isinstance(part, dict) else {}
