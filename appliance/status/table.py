"""The cluster as plain lines."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING

from appliance.keepalived import priority
from appliance.status import alarms
from appliance.status.alarms import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.status.cluster import Alarm, Row, View

HEADINGS = (
    "node",
    "address",
    "role",
    "load balancer",
    "apps",
    "Marathon",
    "priority",
    "generation",
    "version",
    "since",
)


def lines(view: View, now: float | None = None) -> list[str]:
    """Alarms first, then one row a node, then why the VIP is where it is."""
    now = time.time() if now is None else now
    told = [line for alarm in view.alarms for line in _alarm(alarm)]
    table = aligned([HEADINGS, *(cells(row, now) for row in view.rows)])
    return [*told, *([""] if told else []), *table, "", view.why, *view.more]


def _alarm(alarm: Alarm) -> tuple[str, str]:
    kind = alarms.kind(alarm.id)
    heading = "NOTICE" if kind.level is Level.NOTICE else "ALARM"
    return f"{heading} {alarm.id}: {alarm.text}", f"      {kind.cure}"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def cells(row: Row, now: float) -> tuple[str, ...]:
    """One row below HEADINGS."""
    if not row.facts:
        return (row.name, row.address, row.role, *["-"] * (len(HEADINGS) - 3))
    effective = priority.effective(row.rank, row.weight)
    since = row.part("vrrp").get("state_since")
    return (
        row.name,
        row.address,
        row.role,
        row.verdict.words,
        str(row.part("lb").get("apps", "-")),
        _marathon(row, now),
        "FAULT" if effective is None else str(effective),
        _generation(row),
        str(row.facts.get("version", "-")),
        ago(now - since) if isinstance(since, (int, float)) else "-",
    )


def _generation(row: Row) -> str:
    """Its number on that node, and the hash that nodes have in common while they serve the same."""
    number, digest = row.part("lb").get("generation"), row.part("configuration").get("hash")
    return " ".join(str(it)[:8] for it in (number, digest) if it) or "-"


def _marathon(row: Row, now: float) -> str:
    marathon = row.part("lb").get("marathon")
    if not isinstance(marathon, dict):
        return "-"
    if not marathon.get("connected"):
        return "away"
    at = marathon.get("last_event_at")
    return f"connected, event {ago(now - at)} ago" if isinstance(at, (int, float)) else "connected"


def ago(seconds: float) -> str:
    """`3 d 2 h`, `5 min`, `12 s`."""
    whole = max(int(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def rfc3339(at: float) -> str:
    """UTC, to the millisecond."""
    when = dt.datetime.fromtimestamp(at, dt.timezone.utc)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
