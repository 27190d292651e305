"""Blue/green deployments: apps of one HAPROXY_DEPLOYMENT_GROUP are served as one, its old tasks drained.

What an orchestrator such as marathon-lb's zdd.py counts on: the merged app is called after the group and has
the old app's labels; every task of both has a server; as many old tasks are disabled as new ones took over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from appliance.services.grammar import clean, whole
from appliance.services.model import Quarantined

if TYPE_CHECKING:
    from appliance.marathon.model import App

_PREFIX = "HAPROXY_DEPLOYMENT_"
_APP_ID = re.compile(r"(/[A-Za-z0-9._-]{1,255}){1,16}")


@dataclass(frozen=True)
class Member:
    """An app, alone or merged, and the ids of those of its tasks that get no new requests."""

    app: App
    drained: frozenset[str] = frozenset()


def merged_id(app: App) -> str:
    """What `app` is called together with the others of its deployment group; '' if it stands alone."""
    group = app.labels.get(f"{_PREFIX}GROUP")
    return "/" + group.removeprefix("/") if group else ""


def members(apps: tuple[App, ...]) -> tuple[tuple[App, ...], list[Member], list[Quarantined]]:
    """Apps that stand alone, deployment groups as one each, and who has a wrong label and is not served."""
    groups: dict[str, list[App]] = {}
    for app in apps:
        if app.labels.get(f"{_PREFIX}GROUP"):
            groups.setdefault(app.labels[f"{_PREFIX}GROUP"], []).append(app)
    if not groups:
        return apps, [], []
    alone = tuple(app for app in apps if not app.labels.get(f"{_PREFIX}GROUP"))
    taken = {app.id for app in alone}
    merged: list[Member] = []
    refused: list[Quarantined] = []
    for group, of_group in sorted(groups.items()):
        try:
            member = _merged(group, sorted(of_group, key=lambda app: app.id))
            if member.app.id in taken:
                reason = f"{_PREFIX}GROUP: there is another app {member.app.id}; choose another name"
                refused += [Quarantined(app.id, reason) for app in of_group]
                continue
        except ValueError as error:
            refused += [Quarantined(app.id, str(error)) for app in of_group]
        else:
            taken.add(member.app.id)
            merged.append(member)
    return alone, merged, refused


def _merged(group: str, apps: list[App]) -> Member:
    """Raises ValueError."""
    app_id = "/" + clean(f"{_PREFIX}GROUP", group).removeprefix("/")
    if not _APP_ID.fullmatch(app_id):
        raise ValueError(f"{_PREFIX}GROUP: {group[:60]!r} is no name of an app")
    first, *others = apps
    member = Member(replace(first, id=app_id))
    for other in others:
        member = _pair(member, Member(replace(other, id=app_id)))
    return member


def _pair(first: Member, second: Member) -> Member:
    """Two that are one from now on; of equally old ones the first is the new one."""
    old, new = (second, first) if _started_at(second.app) <= _started_at(first.app) else (first, second)
    new_instances = _label(new.app, "NEW_INSTANCES")
    if new_instances and old.app.last_scaling_at > new.app.last_scaling_at:
        old, new = new, old
    target: int | None = 1
    if _label(new.app, "NEW_INSTANCES") is not None:
        target = _label(new.app, "TARGET_INSTANCES")
    if target is None:
        raise ValueError(f"{_PREFIX}TARGET_INSTANCES: is missing beside {_PREFIX}NEW_INSTANCES")
    healthy = sum(any(task.alive) for task in new.app.tasks) if new.app.health_checks else new.app.instances
    surplus = max(0, healthy + old.app.instances - target)
    drained = sorted(task.id for task in old.app.tasks)[: min(len(old.app.tasks), healthy, surplus)]
    return Member(
        replace(
            old.app,
            tasks=tuple(sorted((*old.app.tasks, *new.app.tasks), key=lambda task: task.id)),
            instances=old.app.instances + new.app.instances,
        ),
        old.drained | new.drained | frozenset(drained),
    )


def _label(app: App, key: str) -> int | None:
    name = f"{_PREFIX}{key}"
    return whole(name, clean(name, app.labels.get(name, "")))


def _started_at(app: App) -> str:
    """In one spelling, so that text compares as time. A missing date is the oldest."""
    name = f"{_PREFIX}STARTED_AT"
    value = clean(name, app.labels.get(name, "")).strip()
    if not value:
        return ""
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        raise ValueError(f"{name}: {value[:60]!r} is no date such as 2024-01-31T12:00:00") from None
    return (moment if moment.tzinfo is None else moment.astimezone().replace(tzinfo=None)).isoformat(
        "T", "microseconds"
    )
