"""From what a user posts, in either dialect, to the complete document Marathon keeps. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from appliance.lab.marathon import shape
from appliance.lab.marathon.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.lab.marathon.model import Json

_SEGMENT = re.compile(r"(([a-z0-9]|[a-z0-9][a-z0-9\-]*[a-z0-9])\.)*([a-z0-9]|[a-z0-9][a-z0-9\-]*[a-z0-9])")
_RESERVED = {"restart", "tasks", "versions"}

_KEPT = (
    "cmd", "args", "constraints", "container", "dependencies", "env", "fetch", "healthChecks", "check",
    "readinessChecks", "secrets", "user", "taskKillGracePeriodSeconds", "acceptedResourceRoles", "residency",
    "tty", "resourceLimits", "executorResources",
)  # fmt: skip
"""Optional keys: present when set and not empty."""

_DEFAULTS: Json = {
    "instances": 1,
    "cpus": 1,
    "mem": 128,
    "disk": 0,
    "gpus": 0,
    "labels": {},
    "requirePorts": False,
    "executor": "",
    "backoffSeconds": 1,
    "backoffFactor": 1.15,
    "maxLaunchDelaySeconds": 300,
    "killSelection": "YOUNGEST_FIRST",
    "unreachableStrategy": {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0},
    "role": "*",
}

_CHECK: Json = {
    "gracePeriodSeconds": 300,
    "intervalSeconds": 60,
    "timeoutSeconds": 20,
    "maxConsecutiveFailures": 3,
    "delaySeconds": 15,
}


def absolute(app_id: str) -> str:
    """The id as Marathon keeps it: `/group/app`. Raises the 422 of an id that breaks the rules."""
    segments: list[str] = []
    for segment in app_id.strip("/").split("/"):
        if segment == "..":
            segments = segments[:-1]
        elif segment != ".":
            segments.append(segment)
    if not segments or not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise invalid("/id", "must fully match regular expression '^" + _SEGMENT.pattern + "$'")
    if segments[-1] in _RESERVED:
        raise invalid(
            "/id", "must not end with any of the following reserved keywords: restart, tasks, versions"
        )
    return "/" + "/".join(segments)


def merged(existing: Mapping[str, Any], change: Mapping[str, Any]) -> Json:
    """A PUT patches top-level keys; networking in the change replaces all networking before it."""
    before = dict(existing)
    container = change.get("container") or {}
    if "network" in (container.get("docker") or {}) or "ipAddress" in change:
        before.pop("networks", None)
    if "networks" in change or "ports" in change:
        before.pop("portDefinitions", None)
    return {**before, **change}


def complete(document: Mapping[str, Any]) -> Json:
    """The document in the new dialect with Marathon's defaults filled in; service ports may still be 0."""
    given = _set(document)
    shape.check(given)
    if not any(given.get(key) for key in ("cmd", "args", "container")):
        raise invalid("/", "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.")
    made: Json = {"id": absolute(given["id"])}
    made.update({key: given.get(key, default) for key, default in _DEFAULTS.items()})
    made["upgradeStrategy"] = _upgrade_strategy(given)
    made["networks"] = _networks(given)
    made.update({key: given[key] for key in _KEPT if given.get(key) not in (None, [], {}, "")})
    if given.get("uris") and "fetch" not in made:
        made["fetch"] = [
            {"uri": uri, "extract": True, "executable": False, "cache": False} for uri in given["uris"]
        ]
    mode = made["networks"][0]["mode"]
    if "container" in made:
        made["container"] = _container(made["container"])
    if mode == "host":
        made["portDefinitions"] = _port_definitions(given)
    else:
        made.setdefault("container", {"type": "MESOS", "volumes": []})["portMappings"] = _port_mappings(
            given, mode
        )
    if "healthChecks" in made:
        made["healthChecks"] = [_health_check(check) for check in made["healthChecks"]]
    return made


def _set(given: Mapping[str, Any]) -> Json:
    """Without the nulls that the old dialect writes for what is not set."""
    return {key: value for key, value in given.items() if value is not None}


def _upgrade_strategy(given: Mapping[str, Any]) -> Json:
    resident = "residency" in given
    return {
        "maximumOverCapacity": 0 if resident else 1,
        "minimumHealthCapacity": 0.5 if resident else 1,
        **given.get("upgradeStrategy", {}),
    }


def _networks(given: Mapping[str, Any]) -> list[Json]:
    if given.get("networks"):
        return list(given["networks"])
    container = given.get("container") or {}
    old_mode = (container.get("docker") or {}).get("network")
    if old_mode == "BRIDGE":
        return [{"mode": "container/bridge"}]
    if old_mode == "USER" or given.get("ipAddress"):
        name = (given.get("ipAddress") or {}).get("networkName")
        return [{"mode": "container", **({"name": name} if name else {})}]
    if old_mode is None and container.get("portMappings"):
        return [{"mode": "container/bridge"}]
    return [{"mode": "host"}]


def _container(container: Mapping[str, Any]) -> Json:
    made = {"volumes": [], **{key: value for key, value in container.items() if key != "portMappings"}}
    made["type"] = made.get("type", "DOCKER" if "docker" in made else "MESOS")
    if made.get("docker") is not None:
        docker = {
            key: value for key, value in made["docker"].items() if key not in ("network", "portMappings")
        }
        if not isinstance(docker.get("image"), str):
            raise invalid("/container/docker/image", "undefined")
        made["docker"] = {"forcePullImage": False, "privileged": False, "parameters": [], **docker}
    return made


def _port_definitions(given: Mapping[str, Any]) -> list[Json]:
    definitions = given.get("portDefinitions")
    if definitions is None:
        definitions = [{"port": port} for port in given.get("ports", [0])]
    return [{"protocol": "tcp", "port": 0, "labels": {}, **_set(definition)} for definition in definitions]


def _port_mappings(given: Mapping[str, Any], mode: str) -> list[Json]:
    container = given.get("container") or {}
    mappings = container.get("portMappings")
    if mappings is None:
        mappings = (container.get("docker") or {}).get("portMappings")
    if mappings is None:
        discovery = (given.get("ipAddress") or {}).get("discovery") or {}
        mappings = [
            {
                "containerPort": port["number"],
                "protocol": port.get("protocol", "tcp"),
                "name": port.get("name"),
            }
            for port in discovery.get("ports", ())
        ]
    if not mappings and mode == "container/bridge":
        mappings = [{}]
    return [_port_mapping(mapping, mode) for mapping in mappings]


def _port_mapping(mapping: Mapping[str, Any], mode: str) -> Json:
    made = {"containerPort": 0, "servicePort": 0, "protocol": "tcp", "labels": {}}
    if mode == "container/bridge":
        made["hostPort"] = 0
    made.update(_set(mapping))
    return made


def _health_check(check: Mapping[str, Any]) -> Json:
    made = {**_CHECK, **_set(check)}
    protocol = made.setdefault("protocol", "HTTP")
    made.setdefault("ignoreHttp1xx", False)
    if protocol.startswith("MESOS"):
        made.setdefault("ipProtocol", "IPv4")
    if "HTTP" in protocol:
        made.setdefault("path", "/")
    if protocol != "COMMAND" and "port" not in made:
        made.setdefault("portIndex", 0)
    return made
