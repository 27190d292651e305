"""The cluster as plain lines and as JSON."""

from __future__ import annotations

import datetime as dt
import json
import time
from typing import TYPE_CHECKING, Any

from appliance.keepalived import priority
from appliance.status.cluster import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.status.cluster import Row, View

HEADINGS = ("node", "address", "role", "load balancer", "apps", "Marathon", "priority", "version", "since")


def lines(view: View, now: float | None = None) -> list[str]:
    """Alarms first, then one row a node, then why the VIP is where it is."""
    now = time.time() if now is None else now
    alarms = [f"ALARM {alarm.id}: {alarm.text}" for alarm in view.alarms]
    table = aligned([HEADINGS, *(cells(row, now) for row in view.rows)])
    return [*alarms, *([""] if alarms else []), *table, "", view.why, *view.more]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def cells(row: Row, now: float) -> tuple[str, ...]:
    """One row below HEADINGS."""
    if not row.facts:
        return (row.name, row.address, row.role, "-", "-", "-", "-", "-", "-")
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
        str(row.facts.get("version", "-")),
        ago(now - since) if isinstance(since, (int, float)) else "-",
    )


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


def document(view: View) -> dict[str, Any]:
    """The JSON of `appliance status -f json`."""
    return {
        "schema": SCHEMA,
        "at": rfc3339(time.time()),
        "vip": view.vip,
        "owners": [row.name for row in view.owners],
        "why": view.why,
        "more": list(view.more),
        "alarms": [{"id": alarm.id, "text": alarm.text} for alarm in view.alarms],
        "nodes": [
            {
                "name": row.name,
                "address": row.address,
                "rank": row.rank,
                "role": row.role,
                "verdict": row.verdict.name if row.facts else None,
                "arithmetic": row.arithmetic,
                "problem": row.problem,
                "status": dict(row.facts),
            }
            for row in view.rows
        ],
    }


def to_json(view: View) -> str:
    return json.dumps(document(view), indent=2)


def rfc3339(at: float) -> str:
    """UTC, to the millisecond."""
    when = dt.datetime.fromtimestamp(at, dt.timezone.utc)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
