"""One state, written in both dialects."""

from __future__ import annotations

from appliance.lab.marathon import dialects
from appliance.lab.marathon.definition import complete
from appliance.lab.marathon.dialects import NEW, OLD, AppView
from appliance.lab.marathon.model import RUNNING, Agent, CheckState, Definition, Instance

BRIDGE = {
    "id": "web",
    "container": {
        "docker": {
            "image": "x",
            "network": "BRIDGE",
            "portMappings": [{"containerPort": 80, "servicePort": 10001}],
        }
    },
    "healthChecks": [{"path": "/"}],
    "uris": ["http://files/one"],
}
HOST = {"id": "plain", "cmd": "serve", "ports": [8000]}


def definition(document):
    return Definition(complete(document), "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z", "…")


def running(*alive):
    return Instance(
        definition(BRIDGE),
        condition=RUNNING,
        agent=Agent("slave-1", "10.0.0.1"),
        ports=(31000,),
        listens=(31000,),
        started_at="2026-01-01T00:00:01.000Z",
        checks=[CheckState(0.0, alive=each) for each in alive],
    )


def shown(document, dialect, *instances):
    return dialects.app(AppView(definition(document), instances, ["d1"]), dialect, tasks=True)


def test_the_old_dialect_keeps_bridge_ports_below_docker():
    app = shown(BRIDGE, OLD)
    assert app["container"]["docker"]["network"] == "BRIDGE"
    assert app["container"]["docker"]["portMappings"][0]["servicePort"] == 10001
    assert "portMappings" not in app["container"]
    assert "networks" not in app
    assert app["ports"] == [10001]
    assert app["uris"] == ["http://files/one"]


def test_the_old_dialect_says_null_where_the_new_one_is_silent():
    old, new = shown(HOST, OLD), shown(HOST, NEW)
    for key in ("args", "user", "container", "ipAddress", "residency", "acceptedResourceRoles"):
        assert old[key] is None
        assert key not in new
    assert (old["healthChecks"], old["ports"]) == ([], [8000])
    assert (new["networks"], new["portDefinitions"][0]["port"]) == ([{"mode": "host"}], 8000)


def test_what_the_old_dialect_says_is_understood_as_the_same_app():
    for document in (BRIDGE, HOST):
        wanted = complete(document)
        assert complete(dialects.definition(definition(document), OLD)) == wanted


def test_tasks_are_counted_by_state_and_health():
    app = shown(BRIDGE, NEW, running(True), running(False), running(None), Instance(definition(BRIDGE)))
    counts = {key: app[key] for key in ("tasksStaged", "tasksRunning", "tasksHealthy", "tasksUnhealthy")}
    assert counts == {"tasksStaged": 0, "tasksRunning": 3, "tasksHealthy": 1, "tasksUnhealthy": 1}
    assert len(app["tasks"]) == 3, "an instance without an agent is not listed"
    assert app["deployments"] == [{"id": "d1"}]


def test_a_check_without_a_result_has_no_entry():
    assert dialects.task(running(None), NEW)["healthCheckResults"] == []
    assert "healthCheckResults" not in dialects.task(running(None), OLD)
    (result,) = dialects.task(running(True), NEW)["healthCheckResults"]
    assert (result["alive"], "lastFailure" in result) == (True, False)
    assert dialects.task(running(True), OLD)["healthCheckResults"][0]["lastFailure"] is None


def test_service_ports_are_told_only_where_asked():
    assert dialects.task(running(), NEW)["servicePorts"] == []
    assert dialects.task(running(), NEW, with_service_ports=True)["servicePorts"] == [10001]
