"""The JSON of `appliance status -f json`: stable keys, described by document.schema.json beside this file.

Keys are added, never renamed, within one number of SCHEMA. `status` of a node is what its programs report,
as it is: what is promised stands beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.keepalived import priority
from appliance.status import alarms
from appliance.status.cluster import SCHEMA
from appliance.status.table import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.status.cluster import Alarm, Row, View

SCHEMA_FILE = Path(__file__).with_name("document.schema.json")


def document(view: View, now: float) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "at": rfc3339(now),
        "vip": view.vip,
        "owners": [row.name for row in view.owners],
        "why": view.why,
        "more": list(view.more),
        "alarms": [_alarm(alarm) for alarm in view.alarms],
        "nodes": [_node(row, now) for row in view.rows],
    }


def _alarm(alarm: Alarm) -> dict[str, Any]:
    kind = alarms.kind(alarm.id)
    return {
        "id": alarm.id,
        "level": kind.level.value,
        "text": alarm.text,
        "nodes": list(alarm.nodes),
        "causes": list(kind.causes),
        "cure": kind.cure,
        "runbook": kind.runbook,
    }


def _node(row: Row, now: float) -> dict[str, Any]:
    lb = row.part("lb")
    known = bool(row.facts)
    return {
        "name": row.name,
        "address": row.address,
        "rank": row.rank,
        "role": row.role,
        "holds_vip": row.holds,
        "since": _moment(row.part("vrrp").get("state_since")),
        "verdict": row.verdict.name if known else None,
        "reasons": list(row.reasons),
        "priority": _priority(row) if known else None,
        "arithmetic": row.arithmetic,
        "problem": row.problem,
        "version": _text(row.facts.get("version")),
        "configuration": {
            "generation": _number(lb.get("generation")),
            "hash": _text(lb.get("hash")),
            "common_hash": _text(row.part("configuration").get("hash")),
            "applied": lb.get("applied") if isinstance(lb.get("applied"), bool) else None,
            "held": isinstance(lb.get("held"), dict),
        },
        "apps": {"running": _number(lb.get("apps")), "quarantined": _quarantined(lb)},
        "marathon": _marathon(row, now),
        "status": dict(row.facts),
    }


def _priority(row: Row) -> dict[str, Any]:
    """`effective` is the sum; None in FAULT."""
    reasons = [
        {"what": "rank", "amount": priority.base(row.rank)},
        {"what": row.verdict.words, "amount": row.weight},
    ]
    return {"effective": priority.effective(row.rank, row.weight), "sum": reasons}


def _marathon(row: Row, now: float) -> dict[str, Any] | None:
    said = row.part("lb").get("marathon")
    if not isinstance(said, dict):
        return None
    return {
        "connected": said.get("connected") is True,
        "url": _text(said.get("url")),
        "stream_age_s": _age_s(said.get("connected_since"), now),
        "last_event_age_s": _age_s(said.get("last_event_at"), now),
        "lag_s": _number(said.get("lag_s")),
        "picture_age_s": _number(row.part("sight").get("picture_age_s")),
        "error": _text(said.get("error")) or "",
    }


def _quarantined(lb: Mapping[str, Any]) -> list[dict[str, str]]:
    listed = lb.get("quarantined")
    found = listed if isinstance(listed, list) else []
    return [
        {"app_id": str(it.get("app_id")), "reason": str(it.get("reason"))}
        for it in found
        if isinstance(it, dict)
    ]


def _number(value: object) -> int | float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _age_s(at: object, now: float) -> float | None:
    moment = _number(at)
    return round(max(now - moment, 0.0), 3) if moment else None


def _moment(at: object) -> str | None:
    moment = _number(at)
    try:
        return rfc3339(moment) if moment else None
    except (ValueError, OverflowError, OSError):
        return None
