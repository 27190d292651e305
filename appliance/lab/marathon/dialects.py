"""The same state as JSON of both dialects: "new" (1.5 and later) and "old" (up to 1.4). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.lab.marathon.model import INACTIVE, RUNNING
from appliance.lab.marathon.service_ports import service_ports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.lab.marathon.model import CheckState, Definition, Instance, Json

OLD, NEW = "old", "new"
DIALECTS = (NEW, OLD)


@dataclass(frozen=True)
class AppView:
    """What is known of one app at one moment."""

    definition: Definition
    instances: Sequence[Instance] = ()
    deployments: Sequence[str] = ()
    last_failure: Json | None = None


def definition(of: Definition, dialect: str) -> Json:
    """The app alone, as events and versions carry it."""
    document = dict(of.document) if dialect == NEW else _old(of)
    return {**document, "version": of.version, "versionInfo": _version_info(of)}


def app(view: AppView, dialect: str, *, tasks: bool, failure: bool = False) -> Json:
    """The app with counts and deployments, and its tasks where asked for."""
    made = definition(view.definition, dialect)
    made.update(_counts(view.instances))
    made["deployments"] = [{"id": each} for each in view.deployments]
    if tasks:
        made["tasks"] = [task(each, dialect) for each in view.instances if each.agent]
    if failure and view.last_failure:
        made["lastTaskFailure"] = view.last_failure
    return made


def created(of: Definition, deployment: str, dialect: str) -> Json:
    """The answer to a POST: no tasks, no versionInfo."""
    made = app(AppView(of, deployments=(deployment,)), dialect, tasks=False)
    del made["versionInfo"]
    return made


def task(of: Instance, dialect: str, *, with_service_ports: bool = False) -> Json:
    """The task of an instance that has an agent."""
    if of.agent is None:
        raise ValueError(f"{of.id} has no agent, so there is no task to show")
    made: Json = {
        "id": of.task_id,
        "appId": of.app_id,
        "host": of.agent.address,
        "slaveId": slave_id(of.agent.name),
        "state": of.state,
        "ports": list(of.ports),
        "servicePorts": service_ports(of.definition.document) if with_service_ports else [],
        "ipAddresses": ip_addresses(of) if of.condition == RUNNING else [],
        "healthCheckResults": [_result(each, of.id, dialect) for each in of.checks if each.alive is not None],
        "localVolumes": [],
        "stagedAt": of.staged_at,
        "version": of.definition.version,
    }
    if of.started_at:
        made["startedAt"] = of.started_at
    if of.condition == INACTIVE:
        made["ports"] = []
        made = {key: value for key, value in made.items() if key not in ("startedAt", "stagedAt", "version")}
    if dialect == OLD:
        return {key: value for key, value in made.items() if key == "ports" or value != []}
    return {**made, "role": "*"}


def slave_id(agent_name: str) -> str:
    return f"c0ffee00-1ab0-4a11-8a11-000000000001-S-{agent_name}"


def ip_addresses(of: Instance) -> list[Json]:
    """A bridge gives the task an address that only its agent reaches; otherwise it is the agent's own."""
    if of.agent is None:
        return []
    bridge = of.definition.mode == "container/bridge"
    address = (
        f"172.17.{of.ports[0] // 250 % 250}.{of.ports[0] % 250 + 2}"
        if bridge and of.ports
        else of.agent.address
    )
    return [{"ipAddress": address, "protocol": "IPv4"}]


def _counts(instances: Sequence[Instance]) -> Json:
    running = [each for each in instances if each.condition == RUNNING]
    return {
        "tasksStaged": sum(each.agent is not None for each in instances) - len(running),
        "tasksRunning": len(running),
        "tasksHealthy": sum(each.healthy is True for each in running),
        "tasksUnhealthy": sum(each.healthy is False for each in running),
    }


def _version_info(of: Definition) -> Json:
    return {"lastScalingAt": of.scaled_version, "lastConfigChangeAt": of.config_version}


def _result(of: CheckState, instance_id: str, dialect: str) -> Json:
    made = {
        "alive": of.alive,
        "consecutiveFailures": of.consecutive_failures,
        "firstSuccess": of.first_success,
        "lastSuccess": of.last_success,
        "lastFailure": of.last_failure,
        "lastFailureCause": of.cause,
        "instanceId": instance_id,
    }
    return made if dialect == OLD else {key: value for key, value in made.items() if value is not None}


_OLD_NULLS: Json = dict.fromkeys(
    ("args", "cmd", "user", "container", "ipAddress", "residency", "acceptedResourceRoles"), None
)
_OLD_EMPTY: Json = {
    "uris": [], "fetch": [], "storeUrls": [], "ports": [], "portDefinitions": [], "healthChecks": [],
    "readinessChecks": [], "constraints": [], "dependencies": [], "env": {}, "secrets": {},
}  # fmt: skip
_OLD_NETWORKS = {"host": "HOST", "container/bridge": "BRIDGE", "container": "USER"}


def _old(of: Definition) -> Json:
    """Everything is there, unset is null; networking sits in `ports` and `container.docker`."""
    made: Json = {**_OLD_NULLS, **_OLD_EMPTY, **of.document}
    network = made.pop("networks")[0]
    made.pop("role")
    made["uris"] = [each["uri"] for each in made["fetch"]]
    made["ports"] = service_ports(of.document)
    made["portDefinitions"] = [
        {"port": port, "protocol": entry["protocol"], "name": entry.get("name"), "labels": entry["labels"]}
        for port, entry in zip(made["ports"], of.ports)
    ]
    if made["container"]:
        made["container"] = _old_container(made["container"], network["mode"])
    if network["mode"] == "container":
        made["ipAddress"] = _old_ip_address(of, network.get("name"))
    return made


def _old_container(container: Json, mode: str) -> Json:
    made = {key: value for key, value in container.items() if key != "portMappings"}
    docker: Json | None = made.get("docker")
    if docker is not None:
        mappings: Any = container.get("portMappings")
        docker = {**docker, "network": _OLD_NETWORKS[mode], "portMappings": mappings}
    return {**made, "docker": docker}


def _old_ip_address(of: Definition, name: str | None) -> Json:
    ports = [
        {
            "number": each["containerPort"],
            "name": each.get("name", ""),
            "protocol": each["protocol"],
            "labels": {},
        }
        for each in of.ports
    ]
    return {"groups": [], "labels": {}, "discovery": {"ports": ports}, "networkName": name}
