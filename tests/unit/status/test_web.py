"""The agent's pages over real HTTP on loopback."""

from __future__ import annotations

import http.client
import json
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from appliance import files, settings
from appliance.health import reports
from appliance.health.verdict import Verdict
from appliance.paths import Paths
from appliance.status import web
from appliance.status.page.live import Live

TOML = """
[vip]
address = "192.0.2.250"
interface = "eth0"
virtual_router_id = 250
[cluster]
address = "127.0.0.1"
nodes = [{ name = "slave-1", address = "127.0.0.1" }]
[marathon]
urls = ["http://192.0.2.1:8080"]
"""


@pytest.fixture
def paths(tmp_path):
    made = Paths(tmp_path)
    for folder in (made.health_run, made.lb_run, made.keepalived_run, made.log, made.state):
        folder.mkdir(parents=True)
    return made


@pytest.fixture
def get(paths):
    wanted = settings.parse(TOML, "appliance.toml")
    live = Live(paths, lambda: wanted)
    server = web.server(web.application(paths, lambda: wanted, live), address="127.0.0.1", port=0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    def ask(path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer, body

    yield ask
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_node_says_what_its_programs_published(paths, get):
    files.publish(paths.lb_report, {"picture": "marathon", "applied": True, "apps": 2})
    files.publish(paths.health_report, {"verdict": "HEALTHY", "weight": 164, "reasons": []})
    reports.write_weight(paths, Verdict.HEALTHY)
    reports.beat(paths)
    answer, body = get("/status.json")
    facts = json.loads(body)
    assert answer.status == 200
    assert facts["schema"] == "marathon-ha-appliance/node/1"
    assert facts["priority"] == {"base": 82, "weight": 164, "effective": 246}
    assert facts["health"]["verdict"] == "HEALTHY"
    assert facts["lb"]["apps"] == 2
    assert facts["role"] == "stopped", "no keepalived runs here"
    assert facts["holds_vip"] is False


def test_a_silent_health_program_is_not_believed(paths, get):
    files.publish(paths.health_report, {"verdict": "HEALTHY", "weight": 164, "reasons": []})
    reports.write_weight(paths, Verdict.NO_LB)
    facts = json.loads(get("/status.json")[1])
    assert facts["health"]["verdict"] == "NO_LB"
    assert facts["health"]["reasons"] == ["health program has not run yet"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("POST", "/status.json", 405)]
)
def test_there_is_nothing_else(get, method, path, status):
    assert get(path, method)[0].status == status


def test_prometheus_reads_what_the_programs_published(paths, get):
    files.publish(paths.lb_report, {"apps": 2, "quarantined": [{"app_id": '/"', "reason": "x"}]})
    answer, body = get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = {family.name: family.samples for family in text_string_to_metric_families(body)}
    assert [sample.value for sample in found["appliance_apps"]] == [2]
    assert [sample.labels for sample in found["appliance_app_quarantined"]] == [{"app_id": '/"'}]
    assert [sample.labels for sample in found["appliance_vip_owner"]] == [{"vip": "192.0.2.250"}]


def test_prometheus_is_answered_when_nothing_was_ever_published(get):
    answer, body = get("/metrics")
    assert answer.status == 200
    assert "appliance_lb_healthy 0.0" in body
    assert "appliance_apps " not in body
