"""One node as the page shows it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.status.events import LAST_S
from appliance.status.node import FAULT, OWNER, STANDBY

if TYPE_CHECKING:
    from appliance.status.cluster import Row

_KINDS = {OWNER: "good", STANDBY: "calm", FAULT: "bad"}


@dataclass(frozen=True)
class Card:
    name: str
    address: str
    role: str
    kind: str
    """good, calm or bad."""
    vips: tuple[str, ...]
    """Those that it holds."""
    arithmetic: str
    load_balancer: str
    marathon: str
    apps: str
    version: str
    generation: str
    hash: str
    since: float | None
    """Of its VRRP state, unix seconds."""
    cause: str
    """Of that state."""
    problem: str


def card(row: Row) -> Card:
    lb, vrrp = row.part("lb"), row.part("vrrp")
    since = vrrp.get("state_since")
    return Card(
        name=row.name,
        address=row.address,
        role=row.role,
        kind=_KINDS.get(row.role, "bad"),
        vips=_vips(row),
        arithmetic=row.arithmetic.removeprefix(f"{row.name} "),
        load_balancer=", ".join((row.verdict.words, *row.reasons)) if row.facts else "",
        marathon=_marathon(row),
        apps=str(lb.get("apps", "")),
        version=str(row.facts.get("version", "")),
        generation=str(lb.get("generation") or ""),
        hash=str(lb.get("hash", ""))[:12],
        since=float(since) if isinstance(since, (int, float)) and 0 <= since < LAST_S else None,
        cause=str(vrrp.get("cause", "")),
        problem="" if row.facts else row.problem,
    )


def _vips(row: Row) -> tuple[str, ...]:
    said = row.facts.get("vips")
    vips = [vip for vip in said if isinstance(vip, dict)] if isinstance(said, list) else []
    return tuple(str(vip.get("address")) for vip in vips if vip.get("holds") is True)


def _marathon(row: Row) -> str:
    marathon = row.part("lb").get("marathon")
    if not isinstance(marathon, dict):
        return ""
    return "connected" if marathon.get("connected") else "away"
