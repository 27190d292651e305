"""Events as Marathon 1.8 words them: type and keys in the order of the wire. The bus adds type and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.lab.marathon import dialects
from appliance.lab.marathon.dialects import ip_addresses, slave_id

if TYPE_CHECKING:
    from appliance.lab.marathon.model import Action, Definition, Deployment, Instance, Json


@dataclass(frozen=True)
class Event:
    type: str
    payload: Json
    deployment: Deployment | None = None
    """Whose plan stands in the payload, light."""


def attached(remote: str) -> Event:
    return Event("event_stream_attached", {"remoteAddress": remote})


def detached(remote: str) -> Event:
    return Event("event_stream_detached", {"remoteAddress": remote})


def api_post(client_ip: str, uri: str, definition: Definition, dialect: str) -> Event:
    document = dialects.definition(definition, dialect)
    return Event("api_post_event", {"clientIp": client_ip, "uri": uri, "appDefinition": document})


def group_change(app_id: str, version: str) -> Event:
    return Event("group_change_success", {"groupId": app_id.rpartition("/")[0] or "/", "version": version})


def status_update(instance: Instance, status: str, message: str = "") -> Event:
    agent = instance.agent
    running = status == "TASK_RUNNING"
    return Event(
        "status_update_event",
        {
            "slaveId": slave_id(agent.name) if agent else "",
            "taskId": instance.task_id,
            "taskStatus": status,
            "message": message,
            "appId": instance.app_id,
            "host": agent.address if agent else "",
            "ipAddresses": ip_addresses(instance) if running else [],
            "ports": list(instance.ports),
            "version": instance.definition.version,
        },
    )


def instance_changed(instance: Instance, condition: str) -> Event:
    agent = instance.agent
    return Event(
        "instance_changed_event",
        {
            "instanceId": instance.id,
            "condition": condition,
            "runSpecId": instance.app_id,
            "agentId": slave_id(agent.name) if agent else None,
            "host": agent.address if agent else None,
            "runSpecVersion": instance.definition.version,
        },
    )


def health_changed(instance: Instance, alive: bool) -> Event:
    return Event(
        "health_status_changed_event",
        {
            "appId": instance.app_id,
            "instanceId": instance.id,
            "version": instance.definition.version,
            "alive": alive,
        },
    )


def instance_health_changed(instance: Instance) -> Event:
    return Event(
        "instance_health_changed_event",
        {
            "instanceId": instance.id,
            "runSpecId": instance.app_id,
            "healthy": instance.healthy,
            "runSpecVersion": instance.definition.version,
        },
    )


def check_added(definition: Definition, check: Json) -> Event:
    return Event(
        "add_health_check_event",
        {"appId": definition.id, "healthCheck": check, "version": definition.version},
    )


def check_removed(app_id: str) -> Event:
    return Event("remove_health_check_event", {"appId": app_id})


def check_failed(instance: Instance, check: Json) -> Event:
    """The key is taskId, its value the instance's id: so it is on the wire."""
    return Event(
        "failed_health_check_event", {"appId": instance.app_id, "healthCheck": check, "taskId": instance.id}
    )


def unhealthy_kill(instance: Instance, reason: str) -> Event:
    agent = instance.agent
    return Event(
        "unhealthy_instance_kill_event",
        {
            "appId": instance.app_id,
            "taskId": instance.task_id,
            "instanceId": instance.id,
            "version": instance.definition.version,
            "reason": reason,
            "host": agent.address if agent else "",
            "slaveId": slave_id(agent.name) if agent else None,
        },
    )


def unknown_instance(instance: Instance) -> Event:
    """A task reported itself that Marathon had given up."""
    return Event(
        "unknown_instance_terminated_event",
        {"instanceId": instance.id, "runSpecId": instance.app_id, "condition": "Killed"},
    )


def scheduler_reregistered(master: str) -> Event:
    return Event("scheduler_reregistered_event", {"master": master})


def app_terminated(app_id: str) -> Event:
    return Event("app_terminated_event", {"appId": app_id})


def deployment_info(deployment: Deployment) -> Event:
    return Event("deployment_info", _step(deployment), deployment)


def deployment_step_success(deployment: Deployment) -> Event:
    return Event("deployment_step_success", _step(deployment), deployment)


def deployment_success(deployment: Deployment) -> Event:
    return Event("deployment_success", {"id": deployment.id, "plan": plan(deployment)}, deployment)


def deployment_failed(deployment: Deployment, reason: str) -> Event:
    payload = {"id": deployment.id, "plan": plan(deployment), "reason": reason}
    return Event("deployment_failed", payload, deployment)


def plan(deployment: Deployment) -> Json:
    """The light form, without the root groups."""
    steps = [step(action) for action in deployment.steps]
    return {"id": deployment.id, "steps": steps, "version": deployment.version}


def step(action: Action) -> Json:
    return {"actions": [{"action": action.kind, "app": action.app_id}]}


def _step(deployment: Deployment) -> Json:
    return {"plan": plan(deployment), "currentStep": step(deployment.steps[deployment.current])}
