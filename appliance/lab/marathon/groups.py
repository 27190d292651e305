"""The tree of groups, read from the apps' ids. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.lab.marathon import dialects
from appliance.lab.marathon.errors import RefusedError

if TYPE_CHECKING:
    from appliance.lab.marathon.model import Json
    from appliance.lab.marathon.state import State


def group(state: State, group_id: str) -> Json:
    """The group with its apps and groups, tasks included. Raises the 404 of an unknown one."""
    inside = [each for each in state.apps if each.startswith(group_id.rstrip("/") + "/")]
    if not inside and group_id != "/":
        raise RefusedError(404, {"message": f"Group '{group_id}' does not exist"})
    depth = len(_segments(group_id))
    apps = sorted(each for each in inside if len(_segments(each)) == depth + 1)
    deeper = {"/" + "/".join(_segments(each)[: depth + 1]) for each in inside if each not in apps}
    return {
        "id": group_id,
        "apps": [dialects.app(state.view(each), state.dialect, tasks=True) for each in apps],
        "pods": [],
        "groups": [group(state, each) for each in sorted(deeper)],
        "dependencies": [],
        "version": max((state.apps[each].version for each in inside), default="1970-01-01T00:00:00.000Z"),
    }


def _segments(path: str) -> list[str]:
    return [each for each in path.split("/") if each]
