"""What an event says: which apps may have changed, and when it was sent. Never what they are now."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ATTACHED = "event_stream_attached"
"""Sent to every stream when one attaches; the first on a stream proves that it is subscribed."""
GROUP_CHANGE = "group_change_success"
UNREADABLE = "unreadable"
"""Our kind for an event that cannot be understood: anything may have changed."""

_APP_ID_KEYS = {
    "app_terminated_event": "appId",
    "health_status_changed_event": "appId",
    "instance_changed_event": "runSpecId",
    "instance_health_changed_event": "runSpecId",
    "status_update_event": "appId",
    "unknown_instance_terminated_event": "runSpecId",
}
_BEGINNINGS = ("SCHEDULED", "PROVISIONED", "STAGING", "STARTING", "RUNNING")
_STOP = "StopApplication"
_DEPLOYMENTS = ("deployment_failed", "deployment_info", "deployment_step_success", "deployment_success")
WANTED = (ATTACHED, GROUP_CHANGE, "api_post_event", *_APP_ID_KEYS, *_DEPLOYMENTS)


@dataclass(frozen=True)
class Event:
    kind: str
    apps: frozenset[str] | None
    """Ids of the apps to read again; None: it does not say which."""
    sent_at: float | None = None
    """Unix seconds by the master's clock."""
    may_end: bool = True
    """Whether tasks of these apps may have ended: not by what starts, or changes its health."""
    stopped: frozenset[str] = frozenset()
    """Those of them that may be gone altogether: no other event takes an app off Marathon's list."""


def event(kind: str, data: str) -> Event | None:
    """Read an event of the stream. `kind` is '' where only the JSON says it. None: of no interest.

    Never raises: what cannot be read may concern any app.
    """
    if kind and kind not in WANTED:
        return None
    try:
        payload = json.loads(data)
        kind = kind or str(payload["eventType"] or "")
        if kind and kind not in WANTED:
            return None
        return Event(
            kind or UNREADABLE,
            _concerned(kind, payload),
            _sent_at(payload),
            _may_end(kind, payload),
            _stopped(kind, payload),
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return Event(kind or UNREADABLE, frozenset() if kind == ATTACHED else None)


def _concerned(kind: str, payload: Mapping[str, Any]) -> frozenset[str] | None:
    if kind == ATTACHED:
        return frozenset()
    if kind in _APP_ID_KEYS:
        return frozenset((_absolute(payload[_APP_ID_KEYS[kind]]),))
    if kind == "api_post_event":
        return frozenset((_absolute(payload["appDefinition"]["id"]),))
    if kind == "deployment_step_success":
        return frozenset(_acted_on([payload["currentStep"]]))
    if kind in _DEPLOYMENTS and payload.get("plan"):
        return frozenset(_acted_on(payload["plan"]["steps"]))
    return None


def _may_end(kind: str, payload: Mapping[str, Any]) -> bool:
    if "health" in kind:
        return False
    state = str(payload.get("taskStatus") or payload.get("condition") or "")
    return state.removeprefix("TASK_").upper() not in _BEGINNINGS


def _stopped(kind: str, payload: Mapping[str, Any]) -> frozenset[str]:
    if kind == "app_terminated_event":
        return frozenset((_absolute(payload["appId"]),))
    if kind in _DEPLOYMENTS and payload.get("plan"):
        return frozenset(_acted_on(payload["plan"]["steps"], stops_only=True))
    return frozenset()


def _acted_on(steps: list[Any], *, stops_only: bool = False) -> Iterator[str]:
    """App ids in the steps of a plan, which are lists of actions or, before 1.0, such lists without a key."""
    for step in steps:
        for action in step if isinstance(step, list) else step["actions"]:
            what = action.get("action") or action.get("type") or _STOP
            if action.get("app") is not None and (what == _STOP or not stops_only):  # else a pod's
                yield _absolute(action["app"])


def _absolute(app_id: str) -> str:
    return app_id if app_id.startswith("/") else f"/{app_id}"


def _sent_at(payload: Mapping[str, Any]) -> float | None:
    """The time of the event; None where it is missing or no time."""
    try:
        return datetime.fromisoformat(payload["timestamp"].replace("Z", "+00:00")).timestamp()
    except (KeyError, ValueError, AttributeError, OverflowError):
        return None
