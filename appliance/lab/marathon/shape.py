"""Is the JSON a user posts shaped like an app? Pure; everything after this may rely on the types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.lab.marathon.errors import invalid, malformed

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBERS = (
    "instances",
    "cpus",
    "mem",
    "disk",
    "gpus",
    "backoffSeconds",
    "backoffFactor",
    "maxLaunchDelaySeconds",
)
_OBJECTS = ("labels", "container", "env", "upgradeStrategy", "ipAddress", "residency")
_LISTS_OF_OBJECTS = ("healthChecks", "portDefinitions", "networks", "fetch")
_LISTS = ("constraints", "ports", "uris", "args")
_PORTS = ("containerPort", "hostPort", "servicePort", "port")
_CHECK_NUMBERS = (
    "gracePeriodSeconds",
    "intervalSeconds",
    "timeoutSeconds",
    "maxConsecutiveFailures",
    "portIndex",
)


def check(given: Mapping[str, Any]) -> None:
    """Raise the 400 (a wrong type) or 422 (a wrong value) that names the path of what is wrong."""
    if not isinstance(given.get("id"), str):
        raise malformed("/id", "error.expected.jsstring" if "id" in given else "error.path.missing")
    _numbers("", given, _NUMBERS)
    for key in _OBJECTS:
        _object(f"/{key}", given.get(key, {}))
    for key in _LISTS:
        _list(f"/{key}", given.get(key, []))
    for key in _LISTS_OF_OBJECTS:
        _objects(f"/{key}", given.get(key, []))
    for name, value in given.get("labels", {}).items():
        if not isinstance(value, str):
            raise malformed(f"/labels/{name}", "error.expected.jsstring")
    for n, each in enumerate(given.get("healthChecks", ())):
        _numbers(f"/healthChecks({n})", each, (*_CHECK_NUMBERS, "port"))
    _container(given.get("container", {}))
    _ports("/portDefinitions", given.get("portDefinitions", ()))
    _ports("/ports", [{"port": port} for port in given.get("ports", ())])


def _container(container: Mapping[str, Any]) -> None:
    docker = container.get("docker") or {}
    _object("/container/docker", docker)
    for path, holder in (("/container", container), ("/container/docker", docker)):
        mappings = holder.get("portMappings") or []
        _objects(f"{path}/portMappings", mappings)
        _ports(f"{path}/portMappings", mappings)


def _ports(path: str, entries: Any) -> None:
    for n, each in enumerate(entries):
        _numbers(f"{path}({n})", each, _PORTS)
        for key in _PORTS:
            if (each.get(key) or 0) > 65535:
                raise invalid(f"{path}({n})/{key}", f"got {each[key]}, expected 65535 or less")


def _numbers(path: str, given: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    for key in keys:
        value = given.get(key) or 0
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise malformed(f"{path}/{key}", "error.expected.jsnumber")
        if value < 0:
            raise invalid(f"{path}/{key}", f"got {value}, expected 0 or more")


def _objects(path: str, value: Any) -> None:
    _list(path, value)
    for n, each in enumerate(value):
        _object(f"{path}({n})", each)


def _object(path: str, value: Any) -> None:
    if not isinstance(value, dict):
        raise malformed(path, "error.expected.jsobject")


def _list(path: str, value: Any) -> None:
    if not isinstance(value, list):
        raise malformed(path, "error.expected.jsarray")
