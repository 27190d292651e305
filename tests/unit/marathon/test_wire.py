"""Both JSON dialects and their mixtures become one Cluster; what cannot be read is left out alone."""

from __future__ import annotations

import json

import pytest

from appliance.marathon import wire
from appliance.marathon.model import Endpoint, HealthCheck, Port

OLD_BRIDGE = {
    "id": "/nginx",
    "labels": {"HAPROXY_GROUP": "external"},
    "args": None,
    "ipAddress": None,
    "ports": [80],
    "container": {
        "type": "DOCKER",
        "docker": {
            "network": "BRIDGE",
            "portMappings": [{"containerPort": 80, "hostPort": 0, "servicePort": 80, "protocol": "tcp"}],
        },
    },
    "healthChecks": [{"path": "/", "protocol": "HTTP", "portIndex": 0, "command": None}],
    "tasks": [{"id": "nginx.1", "host": "10.0.0.7", "ports": [31001], "healthCheckResults": [None]}],
}
NEW_BRIDGE = {
    "id": "/nginx",
    "labels": {"HAPROXY_GROUP": "external"},
    "networks": [{"mode": "container/bridge"}],
    "container": {
        "type": "DOCKER",
        "docker": {"image": "nginx"},
        "portMappings": [{"containerPort": 80, "hostPort": 0, "servicePort": 80, "protocol": "tcp"}],
    },
    "healthChecks": [{"path": "/", "portIndex": 0}],
    "tasks": [{"id": "nginx.1", "host": "10.0.0.7", "ports": [31001], "ipAddresses": []}],
}


def read(**app):
    """The one app, which must be readable, its one task included."""
    cluster = wire.apps({"apps": [{"id": "/web", **app}]})
    assert cluster.unreadable == ()
    return cluster.apps[0]


def endpoints(app):
    (task,) = app.tasks
    return [endpoint and (endpoint.host, endpoint.port) for endpoint in task.endpoints]


def test_both_dialects_give_the_same_app():
    old, new = (wire.apps({"apps": [document]}).apps for document in (OLD_BRIDGE, NEW_BRIDGE))
    assert old == new
    (app,) = old
    assert app.ports == (Port(80, "tcp"),)
    assert app.tasks[0].endpoints == (Endpoint("10.0.0.7", 31001),)
    assert app.health_checks == (HealthCheck("HTTP", "/", 0, None, 60, 20, 3),)


def test_the_answer_may_be_bytes():
    assert wire.apps(json.dumps({"apps": [OLD_BRIDGE]}).encode()).apps[0].id == "/nginx"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"<html>502</html>", "HTML"),
        (b'{"apps": [{"id": "/a"', "cut off"),
        (b"\xff\xfe\xfa", "no JSON"),
        (b"[" * 100_000, "nested too deeply|cut off"),
        (b'{"message": "no leader"}', "no list 'apps'"),
        (b'{"apps": null}', "no list 'apps'"),
        (b'{"apps": {}}', "no list 'apps'"),
        (b"[]", "no list 'apps'"),
        (b"null", "no list 'apps'"),
    ],
)
def test_an_answer_that_is_not_a_marathons_is_refused_in_one_line(body, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        wire.apps(body)
    assert "\n" not in str(caught.value)


def test_apps_and_tasks_are_sorted_because_marathon_does_not():
    tasks = [{"id": name, "host": "h", "ports": []} for name in ("b", "a")]
    cluster = wire.apps({"apps": [{"id": "/z", "tasks": tasks}, {"id": "/a"}]})
    assert [app.id for app in cluster.apps] == ["/a", "/z"]
    assert [task.id for task in cluster.apps[1].tasks] == ["a", "b"]


@pytest.mark.parametrize(
    "missing", [{}, {"labels": None, "tasks": None, "healthChecks": None, "ports": None}]
)
def test_missing_and_null_are_empty(missing):
    app = read(**missing)
    assert (app.labels, app.tasks, app.health_checks, app.ports) == ({}, (), (), ())


def test_a_health_check_gets_marathons_defaults():
    app = read(
        ports=[1], healthChecks=[{}, {"protocol": "COMMAND", "command": {"value": "x"}}, {"port": 8080}]
    )
    assert app.health_checks == (
        HealthCheck("HTTP", "/", 0, None, 60, 20, 3),
        HealthCheck("COMMAND", "/", None, None, 60, 20, 3),
        HealthCheck("HTTP", "/", None, 8080, 60, 20, 3),
    )


def test_health_results_skip_nulls_and_those_without_a_verdict():
    results = [None, {"alive": True}, {"alive": False}, {"alive": None}, {}]
    app = read(tasks=[{"id": "t", "healthCheckResults": results}])
    assert app.tasks[0].alive == (True, False)


# --- networking -----------------------------------------------------------------------------------
HOST_TASK = [{"id": "t", "host": "agent-1", "ports": [31001, 31002, 31003]}]


@pytest.mark.parametrize(
    "definition",
    [
        {"ports": [10000, 10001, 10002]},
        {"portDefinitions": [{"port": 10000}, {"port": 10001}, {"port": 10002}], "ports": [1]},
        {"networks": [{"mode": "host"}], "portDefinitions": [{"port": 10000 + n} for n in range(3)]},
    ],
)
def test_host_networking_in_every_dialect(definition):
    app = read(tasks=HOST_TASK, **definition)
    assert [port.service_port for port in app.ports] == [10000, 10001, 10002]
    assert endpoints(app) == [("agent-1", 31001), ("agent-1", 31002), ("agent-1", 31003)]


@pytest.mark.parametrize(
    ("task_ports", "expected"),
    [
        ([31001], [("agent-1", 31001), None, None]),
        ([], [None, None, None]),
        ([1, 2, 3, 4, 5], [("agent-1", 1), ("agent-1", 2), ("agent-1", 3)]),
        ([0, 2, 3], [None, ("agent-1", 2), ("agent-1", 3)]),
    ],
)
def test_a_task_may_have_more_or_fewer_ports_than_the_definition(task_ports, expected):
    task = {"id": "t", "host": "agent-1", "ports": task_ports}
    assert endpoints(read(ports=[1, 2, 3], tasks=[task])) == expected


def mappings(*pairs):
    return [
        {"containerPort": container, "servicePort": 10000 + n, **({} if host is None else {"hostPort": host})}
        for n, (container, host) in enumerate(pairs)
    ]


def test_a_mapping_without_a_service_port_keeps_its_index_and_its_task_port():
    app = read(
        networks=[{"mode": "container/bridge"}],
        container={"portMappings": [{"containerPort": 1, "hostPort": 0}, *mappings((2, 0))]},
        tasks=[{"id": "t", "host": "h", "ports": [31001, 31002]}],
    )
    assert [port.service_port for port in app.ports] == [None, 10000]
    assert endpoints(app) == [("h", 31001), ("h", 31002)]


def test_a_mapping_without_a_host_port_takes_no_task_port():
    app = read(
        networks=[{"mode": "container/bridge"}],
        container={"portMappings": mappings((8080, None), (9090, 0))},
        tasks=[{"id": "t", "host": "h", "ports": [31001]}],
    )
    assert endpoints(app) == [None, ("h", 31001)]


def test_a_bridge_that_leaves_host_ports_unsaid_has_them_all_the_same():
    app = read(
        networks=[{"mode": "container/bridge"}],
        container={"portMappings": mappings((8080, None), (9090, 0))},
        tasks=[{"id": "t", "host": "h", "ports": [31001, 31002]}],
    )
    assert endpoints(app) == [("h", 31001), ("h", 31002)]


def test_a_task_with_its_own_address_is_reached_at_the_container_port():
    app = read(
        networks=[{"mode": "container", "name": "a"}, {"mode": "container", "name": "b"}],
        container={"portMappings": mappings((8080, None), (0, 0), (0, None))},
        tasks=[
            {
                "id": "t",
                "host": "h",
                "ports": [31001],
                "ipAddresses": [
                    {"ipAddress": "fd00:0::2", "protocol": "IPv6"},
                    {"ipAddress": "9.0.1.2", "protocol": "IPv4"},
                ],
            }
        ],
    )
    assert endpoints(app) == [("9.0.1.2", 8080), ("9.0.1.2", 31001), None]


def test_where_asked_a_task_with_its_own_address_is_reached_at_its_hosts_port():
    entry = {
        "id": "/web",
        "networks": [{"mode": "container", "name": "a"}],
        "container": {"portMappings": mappings((8080, None), (8081, 0), (8082, 0))},
        "tasks": [
            {"id": "t", "host": "h", "ports": [31001, 31002], "ipAddresses": [{"ipAddress": "9.0.1.2"}]}
        ],
    }
    read_as = {prefer: wire.app({"app": entry}, "/web", prefer_host_ports=prefer) for prefer in (False, True)}
    assert endpoints(read_as[False].apps[0]) == [("9.0.1.2", 8080), ("9.0.1.2", 8081), ("9.0.1.2", 8082)]
    assert endpoints(read_as[True].apps[0]) == [("9.0.1.2", 8080), ("h", 31001), ("h", 31002)]


def test_an_address_may_be_only_ipv6_or_not_there_yet():
    shape = {"networks": [{"mode": "container"}], "container": {"portMappings": mappings((80, None))}}
    six = {"id": "t", "host": "h", "ipAddresses": [{"ipAddress": "fd00:0::2"}]}
    assert endpoints(read(tasks=[six], **shape)) == [("fd00::2", 80)]
    assert endpoints(read(tasks=[{"id": "t", "host": "h", "ports": []}], **shape)) == [None]


def test_the_old_ip_per_task_has_discovery_ports_and_no_service_port():
    app = read(
        ports=[],
        portDefinitions=[],
        ipAddress={"discovery": {"ports": [{"number": 8080, "name": "web", "protocol": "tcp"}]}},
        tasks=[{"id": "t", "host": "h", "ipAddresses": [{"ipAddress": "9.0.1.2"}]}],
    )
    assert app.ports == (Port(0, "tcp", 8080),)
    assert endpoints(app) == [("9.0.1.2", 8080)]


def test_docker_user_network_is_ip_per_task():
    app = read(
        container={"docker": {"network": "USER", "portMappings": mappings((80, None))}},
        tasks=[{"id": "t", "host": "h", "ipAddresses": [{"ipAddress": "9.0.1.2"}]}],
    )
    assert endpoints(app) == [("9.0.1.2", 80)]


# --- what cannot be read --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("broken", "where"),
    [
        ({"labels": []}, ".labels"),
        ({"labels": {"HAPROXY_GROUP": 5}}, ".labels['HAPROXY_GROUP']"),
        ({"ports": ["80"]}, ".ports[0]"),
        ({"ports": [1.5]}, ".ports[0]"),
        ({"ports": [True]}, ".ports[0]"),
        ({"healthChecks": [{"intervalSeconds": "soon"}]}, ".healthChecks[0].intervalSeconds"),
        ({"networks": [{"mode": "quantum"}]}, ".networks[-1].mode"),
        ({"container": "docker"}, ".container"),
        ({"tasks": {}}, ".tasks"),
    ],
)
def test_an_unreadable_app_is_left_out_with_its_place(broken, where):
    cluster = wire.apps({"apps": [{"id": "/bad", **broken}, {"id": "/good"}]})
    assert [app.id for app in cluster.apps] == ["/good"]
    (unreadable,) = cluster.unreadable
    assert (unreadable.app_id, unreadable.where) == ("/bad", f"apps['/bad']{where}")


@pytest.mark.parametrize(
    "entry", [7, "x", [], {}, {"id": 5}, {"id": "/a b"}, {"id": "/a\n"}, {"id": "//"}, None]
)
def test_an_entry_that_is_no_app_is_left_out(entry):
    cluster = wire.apps({"apps": [entry, {"id": "/good"}]})
    assert [app.id for app in cluster.apps] == ["/good"]
    assert cluster.unreadable[0].where.startswith("apps[0]")


@pytest.mark.parametrize(
    ("task", "where"),
    [
        (None, "[1].id"),
        (5, "[1]"),
        ({}, "[1].id"),
        ({"id": "x", "ports": "31001"}, "['x'].ports"),
        ({"id": "x", "ports": [70000]}, "['x'].ports[]"),
        ({"id": "x", "host": 5}, "['x'].host"),
    ],
)
def test_an_unreadable_task_leaves_its_app_standing(task, where):
    cluster = wire.apps({"apps": [{"id": "/a", "ports": [1], "tasks": [{"id": "good"}, task]}]})
    assert [task.id for task in cluster.apps[0].tasks] == ["good"]
    (unreadable,) = cluster.unreadable
    assert (unreadable.where, unreadable.app_stands) == (f"apps['/a'].tasks{where}", True)


def test_an_app_listed_twice_is_used_once():
    cluster = wire.apps({"apps": [{"id": "/a"}, {"id": "a"}]})
    assert len(cluster.apps) == 1
    assert "twice" in cluster.unreadable[0].reason


# --- recorded payloads ----------------------------------------------------------------------------
def collected(tree):
    """Every app below a group, an app's own answer, or a task list, as an apps list."""
    if "app" in tree:
        return [tree["app"]]
    if "tasks" in tree and "apps" not in tree:
        by_app: dict[str, list[object]] = {}
        for task in tree["tasks"]:
            by_app.setdefault(task["appId"], []).append(task)
        return [{"id": name, "ports": [1, 2], "tasks": tasks} for name, tasks in by_app.items()]
    return list(tree.get("apps") or ()) + [
        app for group in tree.get("groups") or () for app in collected(group)
    ]


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("apps-0.8-bridge-two-ports.json", 0),
        ("groups-1.4-health-states.json", 0),
        ("app-1.5-bridge-one-task-unhealthy.json", 0),
        ("app-task-without-health-results.json", 0),
        ("groups-1.6-two-regions.json", 2),  # tasks that hold nothing but a region
        ("groups-1.6-container-network-and-pods.json", 0),
        ("groups-1.10-resource-limits.json", 0),
        ("tasks-1.10.json", 0),
    ],
)
def test_recorded_payloads_are_read(payload, name, left_out):
    entries = collected(payload(name))
    cluster = wire.apps({"apps": entries})
    assert len(cluster.apps) == len(entries) > 0
    assert len(cluster.unreadable) == left_out
    listed = sum(len(entry.get("tasks") or ()) for entry in entries)
    assert sum(len(app.tasks) for app in cluster.apps) == listed - left_out


def test_the_recorded_bridge_app_pairs_by_position(payload):
    (app,) = wire.apps(payload("apps-0.8-bridge-two-ports.json")).apps
    assert app.ports == (Port(9000, "tcp"), Port(None, "udp"))
    assert [endpoints[0].port for endpoints in (task.endpoints for task in app.tasks)] == [31797, 31315]


@pytest.mark.parametrize(
    "name",
    ["error-409-locked-0.11.json", "error-422-1.x.json", "deployments-1.1.json", "deployments-1.10.json"],
)
def test_recorded_answers_of_other_kinds_are_refused(payload, name):
    with pytest.raises(ValueError, match="no list 'apps'"):
        wire.apps(payload(name))
