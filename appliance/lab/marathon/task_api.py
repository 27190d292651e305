"""The endpoints about tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.lab.marathon import dialects
from appliance.lab.marathon.errors import RefusedError
from appliance.lab.marathon.messages import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.lab.marathon.changes import Changes
    from appliance.lab.marathon.messages import Request
    from appliance.lab.marathon.model import Instance, Json
    from appliance.lab.marathon.scheduler import Scheduler
    from appliance.lab.marathon.state import State


class TaskApi:
    def __init__(self, state: State, scheduler: Scheduler, changes: Changes) -> None:
        self._state = state
        self._scheduler = scheduler
        self._changes = changes

    def all(self, request: Request) -> Answer:
        tasks = self._state.tasks()
        statuses = {*request.query.get("status", ()), *request.query.get("status[]", ())}
        if statuses:
            tasks = [each for each in tasks if _status(each) in statuses]
        return Answer({"tasks": self._shown(tasks)})

    def of_app(self, method: str, request: Request, app_id: str, task_id: str | None) -> Answer:
        """`/v2/apps/{id}/tasks[/{taskId}]`."""
        self._state.app(app_id)
        tasks = self._state.tasks(app_id)
        if method == "GET" and task_id is None:
            return Answer({"tasks": self._shown(tasks)})
        if method != "DELETE":
            raise RefusedError(405)
        if task_id is None:
            host = request.query.get("host", ["*"])[-1]
            chosen = [each for each in tasks if host == "*" or (each.agent and each.agent.address == host)]
            return self._delete(request, chosen)
        chosen = [each for each in tasks if task_id in (each.task_id, each.id)]
        if not chosen:
            raise RefusedError(404, {"message": f"Task '{task_id}' does not exist"})
        shown = self._shown(chosen)[0]
        answer = self._delete(request, chosen)
        return answer if request.flag("scale") else Answer({"task": shown})

    def delete_many(self, request: Request) -> Answer:
        document = request.json()
        ids = document.get("ids") if isinstance(document, dict) else None
        if not isinstance(ids, list):
            details = [{"path": "/ids", "errors": ["error.path.missing"]}]
            raise RefusedError(400, {"message": "Invalid JSON", "details": details})
        return self._delete(request, [each for each in self._state.tasks() if each.task_id in ids])

    def _delete(self, request: Request, tasks: Sequence[Instance]) -> Answer:
        """Kill them: with `scale` their apps shrink, else they come back."""
        scale, force = request.flag("scale"), request.flag("force")
        if scale and request.flag("wipe"):
            raise RefusedError(400, {"message": "You cannot use scale and wipe at the same time."})
        shown = self._shown(tasks)
        if not scale:
            for each in tasks:
                self._scheduler.kill(each)
            return Answer({"tasks": shown})
        return self._shrink(tasks, force=force)

    def _shrink(self, tasks: Sequence[Instance], *, force: bool) -> Answer:
        apps = sorted({each.app_id for each in tasks})
        if not force:
            self._state.refuse_if_locked(apps)
        answer = Answer({"version": self._state.next_version(), "deploymentId": ""})
        for app_id in apps:
            going = [each for each in tasks if each.app_id == app_id and not each.doomed]
            deployment = self._changes.shrink(app_id, len(going), force=force)
            for each in going:
                self._scheduler.kill(each, scale=True)
            body = {"version": deployment.version, "deploymentId": deployment.id}
            answer = Answer(body, headers={"Marathon-Deployment-Id": deployment.id})
        return answer

    def _shown(self, tasks: Sequence[Instance]) -> list[Json]:
        return [dialects.task(each, self._state.dialect, with_service_ports=True) for each in tasks]


def _status(instance: Instance) -> str:
    return "running" if instance.state == "TASK_RUNNING" else "staging"
