"""Marathon's REST API: one method per endpoint, each under the state's lock."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from threading import Timer
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs

from appliance.lab.marathon import definition as definitions
from appliance.lab.marathon import dialects, events, ui
from appliance.lab.marathon.changes import Changes
from appliance.lab.marathon.errors import RefusedError, malformed
from appliance.lab.marathon.filters import selected
from appliance.lab.marathon.flavours import FLAVOURS
from appliance.lab.marathon.group_api import GroupApi
from appliance.lab.marathon.messages import Answer
from appliance.lab.marathon.serialised import Serialised
from appliance.lab.marathon.task_api import TaskApi

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.lab.marathon.bus import Bus
    from appliance.lab.marathon.messages import Request
    from appliance.lab.marathon.model import Definition, Deployment, Json
    from appliance.lab.marathon.scheduler import Scheduler
    from appliance.lab.marathon.state import State

_APP = re.compile(r"/v2/apps/+(?P<id>.+?)(?:/(?P<part>tasks|versions|restart)(?:/(?P<name>[^/]+))?)?/*")


class Leadership(Protocol):
    @property
    def leader(self) -> str | None: ...

    def abdicate(self) -> None: ...


class Api:
    """What the leader answers, but for the event stream."""

    def __init__(self, state: State, bus: Bus, scheduler: Scheduler) -> None:
        self.flavour = FLAVOURS["1.8"]
        self.leadership: Leadership | None = None
        self._state = state
        self._bus = bus
        self._serialised = Serialised(state)
        self._changes = Changes(state, bus)
        self._tasks = TaskApi(state, scheduler, self._changes)
        self._groups = GroupApi(state, self._changes)
        self._plain: dict[tuple[str, str], Callable[[Request], Answer]] = {
            ("GET", "/ping"): _ping,
            ("GET", "/v2/info"): lambda _: Answer(self._info()),
            ("GET", "/v2/leader"): lambda _: Answer({"leader": self.leader}),
            ("DELETE", "/v2/leader"): lambda _: self._abdicate(),
            ("GET", "/"): lambda _: self._page(),
            ("GET", "/ui"): lambda _: self._page(),
            ("POST", "/ui/apps"): self._create_by_form,
            ("GET", "/v2/pods"): lambda _: Answer([]),
            ("GET", "/v2/pods/::status"): lambda _: Answer([]),
            ("GET", "/metrics"): lambda _: Answer({"version": "3.0.0", "counters": {}, "gauges": {}}),
            ("GET", "/v2/apps"): self._list,
            ("POST", "/v2/apps"): self._create,
            ("PUT", "/v2/apps"): self._update_many,
            ("PATCH", "/v2/apps"): self._update_many,
            ("GET", "/v2/tasks"): self._tasks.all,
            ("POST", "/v2/tasks/delete"): self._tasks.delete_many,
            ("GET", "/v2/deployments"): lambda _: Answer([self._deployment(e) for e in state.deployments]),
            ("GET", "/v2/queue"): self._queue,
        }

    @property
    def leader(self) -> str:
        return (self.leadership.leader if self.leadership else None) or ""

    def all_apps(self) -> list[Json]:
        """Every app with its tasks. Under the state's lock."""
        return [
            dialects.app(self._state.view(each), self._state.dialect, tasks=True) for each in self._state.apps
        ]

    def answer(self, request: Request) -> Answer:
        method = "GET" if request.method == "HEAD" else request.method
        path = request.path.rstrip("/") or "/"
        with self._state.changed:
            if (method, path) in self._plain:
                return self._plain[method, path](request)
            found = _APP.fullmatch(request.path)
            if found:
                return self._app(method, request, **found.groupdict())
            if path == "/v2/groups" or path.startswith("/v2/groups/"):
                return self._groups.answer(method, request, path[len("/v2/groups") :])
            if path.startswith("/v2/queue/") and path.endswith("/delay") and method == "DELETE":
                return self._reset_delay("/" + path[len("/v2/queue/") : -len("/delay")].strip("/"))
            if path.startswith("/v2/deployments/") and method == "DELETE":
                return self._undo(request, path.rpartition("/")[2])
        if any(path == known for _, known in self._plain):
            raise RefusedError(405)
        if self.flavour.unknown_url == 500:
            raise RefusedError(500, {"message": "URI not found"})
        raise RefusedError(404, {"message": f"URI not found: {path.lstrip('/')}"})

    def _app(self, method: str, request: Request, id: str, part: str | None, name: str | None) -> Answer:  # noqa: A002
        if id.endswith("/*") and part is None and method == "GET":
            return self._below(request, "/" + id[:-2].strip("/"))
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
        failure = "lastTaskFailure" in embed or "failures" in embed
        app_ids = selected((each.document for each in self._state.apps.values()), request.query)
        return self._listed("apps", app_ids, tasks="tasks" in embed, failure=failure)

    def _below(self, request: Request, group_id: str) -> Answer:
        """`/v2/apps/{group}/*`."""
        embed = {each.rpartition(".")[2] for each in request.query.get("embed", ())}
        app_ids = [each for each in self._state.apps if each.startswith(f"{group_id}/")]
        if not app_ids:
            raise RefusedError(404, {"message": f"Group '{group_id}' does not exist"})
        return self._listed("*", app_ids, tasks="tasks" in embed, failure=False)

    def _listed(self, key: str, app_ids: list[str], *, tasks: bool, failure: bool) -> Answer:
        apps = b",".join(self._serialised.apps(app_ids, tasks=tasks, failure=failure))
        return Answer(b'{"%s":[%s]}' % (key.encode(), apps))

    def _get(self, _: Request, app_id: str) -> Answer:
        return Answer(b'{"app":%s}' % self._serialised.app(app_id))

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

    def _reset_delay(self, app_id: str) -> Answer:
        self._state.app(app_id)
        self._state.failures_in_a_row.pop(app_id, None)
        for each in self._state.waiting(app_id):
            each.not_before = 0.0
        self._state.changed.notify_all()
        return Answer(status=204)

    def _abdicate(self) -> Answer:
        if self.leadership:
            # The answer is still this leader's.
            Timer(0.05, self.leadership.abdicate).start()
        return Answer({"message": "Leadership abdicated"})

    def _page(self, given: str = "", refused: str = "", status: int = 200) -> Answer:
        return ui.page(self._shown_without_tasks(), given=given, refused=refused, status=status)

    def _shown_without_tasks(self) -> list[Json]:
        views = [self._state.view(each) for each in sorted(self._state.apps)[:1000]]
        return [dialects.app(each, dialects.NEW, tasks=False) for each in views]

    def _create_by_form(self, request: Request) -> Answer:
        given = parse_qs(request.body.decode(errors="replace")).get("json", [""])[-1]
        try:
            self._create(replace(request, body=given.encode(), path="/v2/apps"))
        except RefusedError as refused:
            return self._page(given, json.dumps(refused.body), refused.status)
        return Answer(status=303, headers={"Location": "/ui/"})

    def _info(self) -> Json:
        features = ["task_killing"] if self._state.task_killing else []
        return {
            "name": "marathon",
            "version": self.flavour.version,
            "elected": True,
            "leader": self.leader,
            "frameworkId": "c0ffee00-1ab0-4a11-8a11-000000000001-0000",
            "marathon_config": {"local_port_min": 10000, "local_port_max": 20000, "features": features},
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
