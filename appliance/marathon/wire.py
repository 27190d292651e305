"""Marathon's JSON, every dialect from 0.7 to 1.11 and mixtures of them, to one Cluster.

An absent key, null and an empty value mean the same. Unknown keys are ignored. What cannot be read
is left out alone, with its place in the JSON and the reason.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from appliance.marathon.fields import FieldError, listed, number, record, records, text
from appliance.marathon.model import App, Cluster, HealthCheck, Task, Unreadable
from appliance.marathon.network import endpoints, layout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.marathon.network import Layout

_APP_ID = re.compile(r"(/[A-Za-z0-9._-]{1,255}){1,16}")
"""Wider than Marathon's own rule (no capitals, no underscore), narrow enough for any name or map key."""


def apps(body: Any, *, prefer_host_ports: bool = False) -> Cluster:
    """The answer of `GET /v2/apps?embed=apps.tasks`, as bytes, text or already decoded.

    `prefer_host_ports`: tasks with own addresses are reached by their host's ports, where they have some.

    Raises ValueError if it is no JSON object with a list `apps`: then no Marathon answered.
    """
    answer = _decoded(body) if isinstance(body, (bytes, str)) else body
    entries = answer.get("apps") if isinstance(answer, dict) else None
    if not isinstance(entries, list):
        raise ValueError("the answer holds no list 'apps'")  # noqa: TRY004 - one error for all misfits
    found: dict[str, App] = {}
    unreadable: list[Unreadable] = []
    for position, entry in enumerate(entries):
        app = _app(entry, f"apps[{position}]", unreadable, prefer_host_ports=prefer_host_ports)
        if app is None:
            continue
        if app.id in found:
            reason = "is listed twice; the first is used"
            unreadable.append(Unreadable(app.id, f"apps['{app.id}']", reason, app_stands=True))
        else:
            found[app.id] = app
    unreadable.sort(key=lambda entry: (entry.app_id, entry.where))
    return Cluster(tuple(found[app_id] for app_id in sorted(found)), tuple(unreadable))


def app(body: Any, app_id: str, *, prefer_host_ports: bool = False) -> Cluster:
    """The answer of `GET /v2/apps{app_id}`: a Cluster of that app alone, or of what is unreadable in it.

    Raises ValueError if it is about no app, or about another one.
    """
    answer = _decoded(body) if isinstance(body, (bytes, str)) else body
    entry = answer.get("app") if isinstance(answer, dict) else None
    if not isinstance(entry, dict):
        raise ValueError("the answer holds no object 'app'")  # noqa: TRY004 - one error for all misfits
    found = apps({"apps": [entry]}, prefer_host_ports=prefer_host_ports)
    if {one.id for one in found.apps} | {one.app_id for one in found.unreadable} != {app_id}:
        raise ValueError(f"the answer is not about {app_id}")
    return found


def _decoded(body: bytes | str) -> Any:
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("the answer is nested too deeply") from None
    except ValueError as error:
        start = (body if isinstance(body, str) else body[:100].decode("latin-1")).lstrip()[:1]
        if not start:
            raise ValueError("the answer is empty") from None
        if start == "<":
            raise ValueError("the answer is HTML, not JSON") from None
        raise ValueError(f"the answer is cut off, or no JSON ({error})") from None


def _app(entry: Any, where: str, unreadable: list[Unreadable], *, prefer_host_ports: bool) -> App | None:
    """One app, None if it cannot be read; what was left out is appended to `unreadable`."""
    app_id = ""
    try:
        app_id = _app_id(record(entry, ""))
        where = f"apps['{app_id}']"
        plan = layout(entry, prefer_host_ports=prefer_host_ports)
        return App(
            id=app_id,
            labels=_labels(entry),
            ports=plan.ports,
            health_checks=_health_checks(entry, plan),
            tasks=_tasks(entry, app_id, plan, unreadable),
            version=text(entry, "version"),
            instances=number(entry.get("instances"), ".instances") or 0,
            last_scaling_at=text(record(entry.get("versionInfo"), ".versionInfo"), "lastScalingAt"),
        )
    except FieldError as error:
        unreadable.append(Unreadable(app_id, where + error.where, error.reason))
        return None


def _app_id(entry: Mapping[str, Any]) -> str:
    app_id = text(entry, "id")
    if not app_id.startswith("/"):
        app_id = f"/{app_id}"
    if not _APP_ID.fullmatch(app_id):
        raise FieldError(".id", f"{app_id[1:60]!r} is no app id")
    return app_id


def _labels(entry: Mapping[str, Any]) -> dict[str, str]:
    labels = record(entry.get("labels"), ".labels")
    for name, value in labels.items():
        if value is not None and not isinstance(value, str):
            raise FieldError(f".labels[{name[:60]!r}]", "is not text")
    return {name: value for name, value in labels.items() if value is not None}


def _health_checks(entry: Mapping[str, Any], plan: Layout) -> tuple[HealthCheck, ...]:
    checks = listed(entry, "healthChecks")
    return tuple(_health_check(check, f".healthChecks[{n}]", plan) for n, check in enumerate(checks))


def _health_check(entry: Any, where: str, plan: Layout) -> HealthCheck:
    check = record(entry, where)

    def whole(key: str, default: int) -> int:
        value = number(check.get(key), f"{where}.{key}")
        return default if value is None else value

    protocol = text(check, "protocol", where) or "HTTP"
    port_index = number(check.get("portIndex"), f"{where}.portIndex")
    port = whole("port", 0) or None
    if port_index is None and port is None and protocol != "COMMAND" and plan.ports:
        port_index = 0
    return HealthCheck(
        protocol=protocol,
        path=text(check, "path", where) or "/",
        port_index=port_index,
        port=port,
        interval_s=whole("intervalSeconds", 60),
        timeout_s=whole("timeoutSeconds", 20),
        max_consecutive_failures=whole("maxConsecutiveFailures", 3),
        grace_period_s=whole("gracePeriodSeconds", 300),
    )


def _tasks(
    entry: Mapping[str, Any], app_id: str, plan: Layout, unreadable: list[Unreadable]
) -> tuple[Task, ...]:
    found: dict[str, Task] = {}
    for position, value in enumerate(listed(entry, "tasks")):
        name: object = position
        try:
            task = record(value, "")
            name = text(task, "id")[:200] or position
            read = _task(task, plan)
        except FieldError as error:
            where = f"apps['{app_id}'].tasks[{name!r}]{error.where}"
            unreadable.append(Unreadable(app_id, where, error.reason, app_stands=True))
        else:
            found.setdefault(read.id, read)
    return tuple(found[task_id] for task_id in sorted(found))


def _task(task: Mapping[str, Any], plan: Layout) -> Task:
    task_id = text(task, "id")
    if not task_id:
        raise FieldError(".id", "is missing")
    results = records(task, "healthCheckResults")
    return Task(
        id=task_id,
        endpoints=endpoints(task, plan),
        state=text(task, "state") or None,
        alive=tuple(result["alive"] for result in results if isinstance(result.get("alive"), bool)),
        version=text(task, "version"),
    )
