"""What a user asks for becomes a new definition and a deployment. Called under the state's lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.lab.marathon import definition as definitions
from appliance.lab.marathon import events, shape
from appliance.lab.marathon.errors import RefusedError
from appliance.lab.marathon.model import RESTART, SCALE, START, STOP, Action, Definition, Deployment
from appliance.lab.marathon.service_ports import assigned, service_ports

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.lab.marathon.bus import Bus
    from appliance.lab.marathon.model import Json
    from appliance.lab.marathon.state import State

STEPS = {"create": (START, SCALE), "scale": (SCALE,), "restart": (RESTART,), "stop": (STOP,), "nothing": ()}


class Changes:
    def __init__(self, state: State, bus: Bus) -> None:
        self._state = state
        self._bus = bus

    def create(self, document: Json, *, force: bool) -> Deployment:
        if not isinstance(document.get("id"), str):
            shape.check(document)
        app_id = definitions.absolute(document["id"])
        if app_id in self._state.apps:
            raise RefusedError(409, {"message": f"An app with id [{app_id}] already exists."})
        return self._put({**document, "id": app_id}, None, force=force)

    def update(self, app_id: str, change: Json, *, force: bool, partial: bool) -> Deployment:
        """A patch of the app, or its replacement; an unknown app is created."""
        before = self._state.apps.get(app_id)
        change = {**change, "id": app_id}
        if before and "version" in change and set(change) == {"id", "version"}:
            change = dict(self._state.version(app_id, change["version"]).document)
        document = definitions.merged(before.document, change) if before and partial else change
        return self._put(document, before, force=force)

    def restart(self, app_id: str, *, force: bool) -> Deployment:
        before = self._state.app(app_id)
        version = self._state.next_version()
        after = Definition(before.document, version, version, before.scaled_version)
        return self._deploy("restart", before, after, force=force)

    def delete(self, app_id: str, *, force: bool) -> Deployment:
        return self._deploy("stop", self._state.app(app_id), None, force=force)

    def shrink(self, app_id: str, count: int, *, force: bool) -> Deployment:
        """The app with `count` instances fewer; whose, is the caller's business."""
        before = self._state.app(app_id)
        version = self._state.next_version()
        document = {**before.document, "instances": max(0, before.instances - count)}
        after = Definition(document, version, before.config_version, version)
        return self._deploy("scale", before, after, force=force)

    def rollback(self, deployment: Deployment) -> Deployment:
        """Back to the definition before `deployment`, which this cancels."""
        before, now = deployment.before, self._state.apps.get(deployment.app_id)
        if before is None:
            return self.delete(deployment.app_id, force=True)
        version = self._state.next_version()
        after = Definition(before.document, version, version, version)
        return self._deploy("restart" if now else "create", now, after, force=True)

    def cancel(self, deployment: Deployment, reason: str) -> None:
        self._state.deployments.remove(deployment)
        self._bus.publish(events.deployment_failed(deployment, reason))

    def _put(self, document: Mapping[str, Any], before: Definition | None, *, force: bool) -> Deployment:
        old_ports = service_ports(before.document) if before else ()
        made = assigned(definitions.complete(document), old_ports, self._state.taken_ports())
        version = self._state.next_version()
        kind, after = _compared(before, made, version)
        return self._deploy(kind, before, after, force=force)

    def _deploy(
        self, kind: str, before: Definition | None, after: Definition | None, *, force: bool
    ) -> Deployment:
        target = after or before
        if target is None:
            raise ValueError("a change has a definition before or after")
        app_id = target.id
        if not force:
            self._state.refuse_if_locked([app_id])
        for each in self._state.locking(app_id):
            self.cancel(each, "The upgrade has been cancelled")
        if after:
            self._state.store(after)
            self._state.failures_in_a_row.pop(app_id, None)
        else:
            self._state.forget(app_id)
        version = after.version if after else self._state.next_version()
        steps = tuple(Action(each, app_id) for each in STEPS[kind])
        deployment = Deployment(version, steps, app_id, before, after)
        self._state.deployments.append(deployment)
        self._bus.publish(events.group_change(app_id, version))
        self._state.changed.notify_all()
        return deployment


def _compared(before: Definition | None, document: Json, version: str) -> tuple[str, Definition]:
    """What kind of deployment leads from `before` to `document`."""
    if before is None:
        return "create", Definition(document, version, version, version)
    changed = {key for key in {*before.document, *document} if before.document.get(key) != document.get(key)}
    if changed - {"instances"}:
        scaled = version if changed & {"instances"} else before.scaled_version
        return "restart", Definition(document, version, version, scaled)
    if changed:
        return "scale", Definition(document, version, before.config_version, version)
    return "nothing", Definition(document, version, before.config_version, before.scaled_version)
