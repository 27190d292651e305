"""Whatever stands in Marathon's answer, it is read, or left out with its place; never an exception."""

from __future__ import annotations

import copy
import json

from hypothesis import given
from hypothesis import strategies as st

from appliance.marathon import wire
from appliance.services.translate import Selection, translate

MAPPINGS = [{"containerPort": 80, "hostPort": 0, "servicePort": 80, "protocol": "tcp"}, {"containerPort": 0}]
TASK = {
    "id": "web.1",
    "host": "10.0.0.7",
    "ports": [31001, 31002],
    "ipAddresses": [{"ipAddress": "172.17.0.2", "protocol": "IPv4"}],
    "state": "TASK_RUNNING",
    "healthCheckResults": [{"alive": True}, None],
}
APP = {
    "id": "/web",
    "labels": {"HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": "a.example"},
    "ports": [80],
    "portDefinitions": [{"port": 80, "protocol": "tcp"}],
    "ipAddress": {"discovery": {"ports": [{"number": 80}]}},
    "networks": [{"mode": "container/bridge"}],
    "container": {"docker": {"network": "USER", "portMappings": MAPPINGS}, "portMappings": MAPPINGS},
    "healthChecks": [{"protocol": "HTTP", "path": "/", "portIndex": 0, "port": None, "intervalSeconds": 5}],
    "tasks": [TASK],
    "version": "2021-03-01T12:00:00.000Z",
}
OTHER = {"id": "/other", "labels": {"HAPROXY_GROUP": "external"}, "ports": [9000], "tasks": [TASK]}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5)
documents = st.recursive(
    scalars | st.sampled_from(["container", "host", "-1", "10.0.0.1", 65535, 70000, -1, 1e300]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "port", "mode", "x"]), inner)
    ),
    max_leaves=5,
)


def places(tree, path=()):
    """The path of every value in a JSON tree."""
    yield path
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


PLACES = sorted((path for path in places(APP) if path), key=str)


def damaged(path, value):
    app = copy.deepcopy(APP)
    inner = app
    for key in path[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return app


@given(st.sampled_from(PLACES), documents | st.just(...))
def test_one_damaged_value_costs_at_most_its_app(path, value):
    cluster = wire.apps({"apps": [damaged(path, value), OTHER]})
    assert "/other" in {app.id for app in cluster.apps}
    assert len(cluster.apps) == 2 or any(not entry.app_stands for entry in cluster.unreadable)
    assert all((entry.where + entry.reason).isprintable() for entry in cluster.unreadable)
    served = translate(cluster, Selection(("external",)), {}).load_balancer
    assert "other_9000" in {backend.name for backend in served.backends}


@given(st.binary(max_size=40) | documents.map(lambda document: json.dumps(document).encode()))
def test_any_bytes_are_an_answer_or_no_marathons(body):
    try:
        wire.apps(body)
    except ValueError as error:
        refusal = str(error)
    else:
        return
    assert refusal.isprintable()
