"""Changes of whole groups. Each app gets a deployment of its own; no api_post_event, as on a real one."""

from __future__ import annotations

import math
import uuid
from typing import TYPE_CHECKING, Any

from appliance.lab.marathon import definition as definitions
from appliance.lab.marathon.errors import RefusedError, malformed
from appliance.lab.marathon.groups import group
from appliance.lab.marathon.messages import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.lab.marathon.changes import Changes
    from appliance.lab.marathon.messages import Request
    from appliance.lab.marathon.model import Deployment, Json
    from appliance.lab.marathon.state import State


class GroupApi:
    def __init__(self, state: State, changes: Changes) -> None:
        self._state = state
        self._changes = changes

    def answer(self, method: str, request: Request, given: str) -> Answer:
        """`/v2/groups[/{id}]`."""
        group_id = "/" + given.strip("/")
        if method == "GET":
            return Answer(group(self._state, group_id))
        if method == "DELETE":
            return self._delete(group_id, force=request.flag("force"))
        if method in ("PUT", "POST"):
            return self._put(method, request, group_id)
        raise RefusedError(405)

    def _delete(self, group_id: str, *, force: bool) -> Answer:
        if not self._inside(group_id) and group_id != "/":
            raise RefusedError(404, {"message": f"Group '{group_id}' does not exist"})
        return self._done([self._changes.delete(each, force=force) for each in self._inside(group_id)])

    def _put(self, method: str, request: Request, group_id: str) -> Answer:
        document = request.json()
        if not isinstance(document, dict):
            raise malformed("", "error.expected.jsobject")
        force = request.flag("force")
        if "scaleBy" in document:
            return self._scale(group_id, document["scaleBy"], force=force)
        group_id = _below(group_id, str(document.get("id") or ""))
        if method == "POST" and self._inside(group_id) and group_id != "/":
            raise RefusedError(
                409, {"message": f"Group {group_id} is already created. Use PUT to change this group."}
            )
        wanted = dict(_apps(document, group_id))
        gone = [each for each in self._inside(group_id) if each not in wanted]
        if not force:
            self._state.refuse_if_locked([*wanted, *gone])
        made = [self._changes.update(each, app, force=True, partial=False) for each, app in wanted.items()]
        made += [self._changes.delete(each, force=True) for each in gone]
        return self._done(made, 201 if method == "POST" else 200)

    def _scale(self, group_id: str, factor: Any, *, force: bool) -> Answer:
        if isinstance(factor, bool) or not isinstance(factor, (int, float)) or factor < 0:
            raise malformed("/scaleBy", "error.expected.jsnumber")
        sizes = {each: math.ceil(self._state.app(each).instances * factor) for each in self._inside(group_id)}
        change = self._changes.update
        return self._done(
            [change(each, {"instances": size}, force=force, partial=True) for each, size in sizes.items()]
        )

    def _inside(self, group_id: str) -> list[str]:
        return [each for each in self._state.apps if each.startswith(group_id.rstrip("/") + "/")]

    def _done(self, deployments: list[Deployment], status: int = 200) -> Answer:
        if deployments:
            body = {"version": deployments[-1].version, "deploymentId": deployments[-1].id}
        else:
            body = {"version": self._state.next_version(), "deploymentId": str(uuid.uuid4())}
        return Answer(body, status, {"Marathon-Deployment-Id": body["deploymentId"]})


def _below(base: str, given: str) -> str:
    """An id in a group's document: absolute, or relative to the group it stands in."""
    if not given or given.rstrip("/") == base:
        return base
    return definitions.absolute(given if given.startswith("/") else f"{base.rstrip('/')}/{given}")


def _apps(document: Json, base: str) -> Iterator[tuple[str, Json]]:
    for app in document.get("apps") or ():
        yield _below(base, str(app.get("id") or "")), app
    for inner in document.get("groups") or ():
        yield from _apps(inner, _below(base, str(inner.get("id") or "")))
