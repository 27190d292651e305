"""Apps whose JSON is odd. `act(document, memory, **options)` changes the answer's JSON, or gives another.

Most kinds concern each app; `memory` lasts as long as the fault.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Callable
from zlib import crc32

from appliance.lab.marathon import dialects
from appliance.lab.marathon.definition import complete
from appliance.lab.marathon.faults.kind import Kind, Stage
from appliance.lab.marathon.model import Definition

if TYPE_CHECKING:
    from appliance.lab.marathon.model import Json

NASTY = {
    "newline": "a\nbind :1",
    "return": "a\rb",
    "nul": "a\0b",
    "quote": "a\"b'c",
    "percent": "%[env(HOME)] %d",
    "braces": "{{ a }} {0}",
    "space": "a b # c",
    "unicode": "bücher.例え",
}
"""Label values that no configuration may swallow."""


def apps_of(document: Any) -> list[Json]:
    if not isinstance(document, dict):
        return []
    return list(document.get("apps") or document.get("*") or ()) + (
        [document["app"]] if "app" in document else []
    )


def _each_app(change: Callable[..., None]) -> Callable[..., Any]:
    def act(document: Any, _: Any, **options: Any) -> Any:
        for app in apps_of(document):
            change(app, **options)
        return document

    return act


def _each_task(change: Callable[..., None]) -> Callable[..., Any]:
    def change_app(app: Json, **options: Any) -> None:
        for task in app.get("tasks") or ():
            change(task, **options)

    return _each_app(change_app)


def _mixed(document: Any, _: Any) -> Any:
    """Every second app, by its id, in the words of the old dialect."""
    for app in apps_of(document):
        if "networks" in app and crc32(app["id"].encode()) // 2 % 2:
            version = app["version"]
            old = dialects.definition(Definition(complete(app), version, version, version), dialects.OLD)
            kept = {key: app[key] for key in app if key.startswith("tasks") or key == "deployments"}
            app.clear()
            app.update({**old, **kept})
    return document


def _ports_shorter(task: Json) -> None:
    task["ports"] = task.get("ports", [])[:-1]


def _ports_longer(task: Json) -> None:
    task["ports"] = [*task.get("ports", []), 31999]


def _results_null(task: Json) -> None:
    task["healthCheckResults"] = [None, *task.get("healthCheckResults", [])]


def _results_missing(task: Json) -> None:
    task.pop("healthCheckResults", None)


def _host(task: Json, host: str) -> None:
    task["host"] = host


def _addresses_ipv6(task: Json) -> None:
    task["ipAddresses"] = [{"ipAddress": "fd00::5", "protocol": "IPv6"}, *task.get("ipAddresses", [])]


def _set(key: str, value: Any) -> Callable[..., Any]:
    def change(app: Json) -> None:
        app[key] = copy.deepcopy(value)

    return _each_app(change)


def _without(key: str) -> Callable[..., Any]:
    def change(app: Json) -> None:
        app.pop(key, None)

    return _each_app(change)


def _service_port(app: Json, port: int) -> None:
    container = app.get("container") or {}
    for mapping in [
        *container.get("portMappings", ()),
        *((container.get("docker") or {}).get("portMappings") or ()),
    ]:
        mapping["servicePort"] = port
    for definition in app.get("portDefinitions", ()):
        definition["port"] = port
    if "ports" in app:
        app["ports"] = [port for _ in app["ports"]]


def _label_values(app: Json) -> None:
    nasty = {f"HAPROXY_0_ODD_{name.upper()}": value for name, value in NASTY.items()}
    app["labels"] = {**(app.get("labels") or {}), **nasty, "HAPROXY_0_ODD_LONG": "x" * 65536}


def _vhost(app: Json, value: str) -> None:
    app["labels"] = {**(app.get("labels") or {}), "HAPROXY_0_VHOST": value}


def _bare_checks(app: Json) -> None:
    app["healthChecks"] = [{} for _ in app.get("healthChecks") or ()]


def _many_tasks(app: Json, count: int) -> None:
    tasks = app.get("tasks") or []
    if tasks:
        app["tasks"] = [
            {**tasks[0], "id": f"{tasks[0]['id']}-{n}", "host": f"10.250.{n // 250}.{n % 250 + 1}"}
            for n in range(count)
        ]


def _more_apps(document: Any, _: Any, count: int) -> Any:
    if isinstance(document, dict) and document.get("apps"):
        first = document["apps"][0]
        document["apps"] += [{**first, "id": f"{first['id']}-copy-{n}", "tasks": []} for n in range(count)]
    return document


def _colliding(document: Any, _: Any) -> Any:
    """/a-b beside /a/b: one name after / became - or _."""
    if isinstance(document, dict) and document.get("apps"):
        first = document["apps"][0]
        twins = [f"{first['id']}/x", f"{first['id']}-x", f"{first['id']}.x"]
        document["apps"] += [{**first, "id": twin, "tasks": []} for twin in twins]
    return document


def _unreadable(app: Json) -> None:
    app.update(instances="many", labels=[], tasks={}, networks="none", container=7)


def _stale(document: Any, memory: dict[Any, Any]) -> Any:
    """The first answer of each kind again and again."""
    key = str(sorted(document)) + str(
        [app.get("id") for app in apps_of(document)] if "app" in document else ""
    )
    return memory.setdefault(key, copy.deepcopy(document))


def _reversed(document: Any, _: Any) -> Any:
    if isinstance(document, dict) and isinstance(document.get("apps"), list):
        document["apps"].reverse()
    for app in apps_of(document):
        (app.get("tasks") or []).reverse()
    return document


def _kind(name: str, text: str, act: Callable[..., Any], **options: Any) -> Kind:
    return Kind(name, Stage.CONTENT, text, act, options)


KINDS = (
    _kind("content-mixed", "both dialects in one list", _mixed),
    _kind("content-reversed", "apps and tasks in another order", _reversed),
    _kind("content-stale", "the first answer after this again and again", _stale),
    _kind("content-ports-shorter", "tasks with a port fewer than the definition", _each_task(_ports_shorter)),
    _kind("content-ports-longer", "tasks with a port more than the definition", _each_task(_ports_longer)),
    _kind("content-results-null", "null among the health results", _each_task(_results_null)),
    _kind("content-results-missing", "no health results, as after an election", _each_task(_results_missing)),
    _kind(
        "content-host-unknown", "a host name that does not resolve", _each_task(_host), host="agent.invalid"
    ),
    _kind("content-host-ipv6", "IPv6 as host", _each_task(_host), host="fd00::77"),
    _kind("content-addresses-ipv6", "an IPv6 address before the others", _each_task(_addresses_ipv6)),
    _kind("content-labels-missing", "apps without labels", _without("labels")),
    _kind("content-labels-null", "labels: null", _set("labels", None)),
    _kind(
        "content-labels-odd",
        "labels with line breaks, NUL, quotes, percent, braces, 64 kB …",
        _each_app(_label_values),
    ),
    _kind("content-vhost-odd", "such a value in HAPROXY_0_VHOST", _each_app(_vhost), value=NASTY["newline"]),
    _kind("content-tasks-missing", "apps without tasks", _without("tasks")),
    _kind("content-tasks-many", "5,000 tasks in each app that has one", _each_app(_many_tasks), count=5000),
    _kind("content-apps-many", "1,000 apps more", _more_apps, count=1000),
    _kind("content-ids-collide", "apps that differ by / - . alone", _colliding),
    _kind("content-ports-zero", "service port 0 everywhere", _each_app(_service_port), port=0),
    _kind("content-ports-same", "one service port for all apps", _each_app(_service_port), port=10000),
    _kind("content-checks-bare", "health checks without protocol and timings", _each_app(_bare_checks)),
    _kind("content-unreadable", "values of wrong types in every app", _each_app(_unreadable)),
)
