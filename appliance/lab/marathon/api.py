"""Marathon's REST API: one method per endpoint, each under the state's lock."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from appliance.lab.marathon import definition as definitions
from appliance.lab.marathon import dialects, events, stream
from appliance.lab.marathon.changes import Changes
from appliance.lab.marathon.errors import RefusedError, malformed
from appliance.lab.marathon.groups import group
from appliance.lab.marathon.task_api import TaskApi
from appliance.lab.marathon.web import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.lab.marathon.bus import Bus
    from appliance.lab.marathon.model import Definition, Deployment, Json
    from appliance.lab.marathon.operator import Operator
    from appliance.lab.marathon.scheduler import Scheduler
    from appliance.lab.marathon.state import State
    from appliance.lab.marathon.web import Connection, Request

VERSION = {dialects.NEW: "1.8.222", dialects.OLD: "1.4.14"}
_APP = re.compile(r"/v2/apps/+(?P<id>.+?)(?:/(?P<part>tasks|versions|restart)(?:/(?P<name>[^/]+))?)?/*")


class Api:
    """Everything on Marathon's port. `leader` is host:port."""

    def __init__(
        self, state: State, bus: Bus, scheduler: Scheduler, operator: Operator, heartbeat_s: float
    ) -> None:
        self.leader = ""
        self._state = state
        self._bus = bus
        self._operator = operator
        self._heartbeat_s = heartbeat_s
        self._changes = Changes(state, bus)
        self._tasks = TaskApi(state, scheduler, self._changes)
        self._plain: dict[tuple[str, str], Callable[[Request], Answer]] = {
            ("GET", "/ping"): _ping,
            ("GET", "/v2/info"): lambda _: Answer(self._info()),
            ("GET", "/v2/leader"): lambda _: Answer({"leader": self.leader}),
            ("GET", "/v2/apps"): self._list,
            ("POST", "/v2/apps"): self._create,
            ("PUT", "/v2/apps"): self._update_many,
            ("PATCH", "/v2/apps"): self._update_many,
            ("GET", "/v2/tasks"): self._tasks.all,
            ("POST", "/v2/tasks/delete"): self._tasks.delete_many,
            ("GET", "/v2/deployments"): lambda _: Answer([self._deployment(e) for e in state.deployments]),
            ("GET", "/v2/queue"): self._queue,
        }

    def stream(self, request: Request, connection: Connection) -> bool:
        if request.path != "/v2/events":
            return False
        if request.method != "GET":
            raise RefusedError(405)
        stream.serve(self._bus, request, connection, self._heartbeat_s)
        return True

    def answer(self, request: Request) -> Answer:
        method = "GET" if request.method == "HEAD" else request.method
        path = request.path.rstrip("/") or "/"
        with self._state.changed:
            if path.startswith("/_lab/"):
                return self._operator.answer(request)
            if (method, path) in self._plain:
                return self._plain[method, path](request)
            found = _APP.fullmatch(request.path)
            if found:
                return self._app(method, request, **found.groupdict())
            if path.startswith("/v2/groups") and method == "GET":
                return Answer(group(self._state, path[len("/v2/groups") :] or "/"))
            if path.startswith("/v2/deployments/") and method == "DELETE":
                return self._undo(request, path.rpartition("/")[2])
        if any(path == known for _, known in self._plain):
            raise RefusedError(405)
        raise RefusedError(404, {"message": f"URI not found: {path.lstrip('/')}"})

    def _app(self, method: str, request: Request, id: str, part: str | None, name: str | None) -> Answer:  # noqa: A002
        app_id = definitions.absolute(id) if method == "PUT" else "/" + id.strip("/")
        if part == "tasks":
            return self._tasks.of_app(method, request, app_id, name)
        calls = {
            ("GET", None): self._get,
            ("PUT", None): self._update,
            ("PATCH", None): self._update,
            ("DELETE", None): self._delete,
            ("POST", "restart"): self._restart,
        }
        if (method, part) in calls:
            return calls[method, part](request, app_id)
        if (method, part) == ("GET", "versions"):
            return self._versions(app_id, name)
        raise RefusedError(405)

    def _list(self, request: Request) -> Answer:
        embed = {each.rpartition(".")[2] for each in request.query.get("embed", ())}
        wanted = request.query.get("id", [""])[-1].lower()
        failure = "lastTaskFailure" in embed or "failures" in embed
        apps = [self._state.view(each) for each in self._state.apps if wanted in each]
        dialect = self._state.dialect
        return Answer(
            {"apps": [dialects.app(each, dialect, tasks="tasks" in embed, failure=failure) for each in apps]}
        )

    def _get(self, _: Request, app_id: str) -> Answer:
        return Answer(
            {"app": dialects.app(self._state.view(app_id), self._state.dialect, tasks=True, failure=True)}
        )

    def _create(self, request: Request) -> Answer:
        deployment = self._changes.create(_object(request.json()), force=request.flag("force"))
        after = self._post_event(request, deployment, request.path)
        location = {"Location": f"http://{self.leader}/v2/apps/{deployment.app_id}"}
        body = dialects.created(after, deployment.id, self._state.dialect)
        return Answer(body, 201, {**_deployment_header(deployment), **location})

    def _update(self, request: Request, app_id: str) -> Answer:
        known = app_id in self._state.apps
        deployment = self._change(request, app_id, request.json())
        self._post_event(request, deployment, f"/v2/apps/{app_id}")
        return deployed(deployment, 200 if known else 201)

    def _update_many(self, request: Request) -> Answer:
        """An array of apps, each its own deployment here; no api_post_event, as on a real one."""
        changes = request.json()
        if not isinstance(changes, list) or not changes:
            raise malformed("", "error.expected.jsarray")
        ids = [definitions.absolute(str(_object(each).get("id", ""))) for each in changes]
        if not request.flag("force"):
            self._state.refuse_if_locked(ids)
        return deployed([self._change(request, *each) for each in zip(ids, changes)][-1])

    def _change(self, request: Request, app_id: str, change: Any) -> Deployment:
        partial = request.flag("partialUpdate", default=True)
        return self._changes.update(app_id, _object(change), force=request.flag("force"), partial=partial)

    def _post_event(self, request: Request, deployment: Deployment, uri: str) -> Definition:
        if deployment.after is None:
            raise ValueError("what was posted has a definition")
        self._bus.publish(events.api_post(request.client_ip, uri, deployment.after, self._state.dialect))
        return deployment.after

    def _delete(self, request: Request, app_id: str) -> Answer:
        return deployed(self._changes.delete(app_id, force=request.flag("force", default=True)))

    def _restart(self, request: Request, app_id: str) -> Answer:
        return deployed(self._changes.restart(app_id, force=request.flag("force")))

    def _versions(self, app_id: str, version: str | None) -> Answer:
        self._state.app(app_id)
        if version is None:
            return Answer({"versions": [each.version for each in self._state.versions[app_id]]})
        found = self._state.version(app_id, version)
        return Answer(dialects.definition(found, self._state.dialect))

    def _undo(self, request: Request, deployment_id: str) -> Answer:
        for each in self._state.deployments:
            if each.id == deployment_id:
                if request.flag("force"):
                    self._changes.cancel(each, "The upgrade has been cancelled")
                    return Answer(status=202)
                return deployed(self._changes.rollback(each))
        raise RefusedError(404, {"message": f"DeploymentPlan {deployment_id} does not exist"})

    def _deployment(self, each: Deployment) -> Json:
        current = each.steps[each.current] if 0 <= each.current < len(each.steps) else None
        actions: list[Json] = []
        if current:
            actions = [{"action": current.kind, "app": current.app_id, "readinessCheckResults": []}]
        return {
            **events.plan(each),
            "affectedApps": [each.app_id],
            "affectedPods": [],
            "currentActions": actions,
            "currentStep": max(1, each.current + 1),
            "totalSteps": len(each.steps),
        }

    def _queue(self, _: Request) -> Answer:
        shown = []
        for app_id, app in self._state.apps.items():
            waiting = self._state.waiting(app_id)
            if waiting:
                delay_s = self._state.delay_s(waiting)
                delay = {"timeLeftSeconds": delay_s, "overdue": delay_s == 0}
                document = dialects.definition(app, self._state.dialect)
                shown.append({"count": len(waiting), "delay": delay, "app": document})
        return Answer({"queue": shown})

    def _info(self) -> Json:
        return {
            "name": "marathon",
            "version": VERSION[self._state.dialect],
            "elected": True,
            "leader": self.leader,
            "frameworkId": "c0ffee00-1ab0-4a11-8a11-000000000001-0000",
            "marathon_config": {"local_port_min": 10000, "local_port_max": 20000, "features": []},
            "zookeeper_config": {},
            "http_config": {"http_port": int(self.leader.rpartition(":")[2]), "https_port": None},
        }


def _ping(request: Request) -> Answer:
    if "application/json" in request.accepts:
        return Answer("pong")
    return Answer("pong", content_type="text/plain")


def deployed(deployment: Deployment, status: int = 200) -> Answer:
    """The answer to every change that has no other body."""
    body = {"version": deployment.version, "deploymentId": deployment.id}
    return Answer(body, status, _deployment_header(deployment))


def _deployment_header(deployment: Deployment) -> dict[str, str]:
    return {"Marathon-Deployment-Id": deployment.id}


def _object(document: Any) -> Json:
    if not isinstance(document, dict):
        raise malformed("", "error.expected.jsobject")
    return document
