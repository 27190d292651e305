"""What the plan of a deployment holds beside its steps: up to 1.6, all apps before and after. Pure."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from appliance.lab.marathon import dialects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.lab.marathon.model import Definition, Deployment, Json


class Plans(Enum):
    """Which plans the events of a version carry."""

    HEAVY = "always with both root groups"
    HEAVY_UNLESS_ASKED = "so, but for a stream with plan-format=light"
    LIGHT = "the steps alone"

    def heavy_for(self, *, asked_light: bool) -> bool:
        return self is Plans.HEAVY or (self is Plans.HEAVY_UNLESS_ASKED and not asked_light)


def heavy(light: Json, deployment: Deployment, apps: Mapping[str, Definition], dialect: str) -> Json:
    """The `light` plan with the root group as it was and as it will be."""
    others = {app_id: each for app_id, each in apps.items() if app_id != deployment.app_id}
    original, target = (
        {**others, deployment.app_id: changed} if changed else others
        for changed in (deployment.before, deployment.after)
    )
    return {
        "id": light["id"],
        "original": _group("/", original, dialect),
        "target": _group("/", target, dialect),
        **light,
    }


def _group(group_id: str, apps: Mapping[str, Definition], dialect: str) -> Json:
    prefix = group_id.rstrip("/") + "/"
    own: list[Json] = []
    deeper: dict[str, dict[str, Definition]] = {}
    for app_id, each in sorted(apps.items()):
        name, slash, _ = app_id[len(prefix) :].partition("/")
        if slash:
            deeper.setdefault(prefix + name, {})[app_id] = each
        else:
            own.append(dialects.definition(each, dialect))
    return {
        "id": group_id,
        "apps": own,
        "groups": [_group(below, inside, dialect) for below, inside in deeper.items()],
        "dependencies": [],
        "version": max((each.version for each in apps.values()), default="1970-01-01T00:00:00.000Z"),
    }
