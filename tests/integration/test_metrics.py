"""What Prometheus scrapes on nodes that run: at the agent, and through HAProxy."""

from __future__ import annotations

import json

import fastjsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families

from appliance.status.document import SCHEMA_FILE

VALID = fastjsonschema.compile(json.loads(SCHEMA_FILE.read_text()))
BAD = {
    "id": "/greedy",
    "cmd": "x",
    "cpus": 0.1,
    "mem": 16,
    "instances": 0,
    "labels": {"HAPROXY_GROUP": "external", "HAPROXY_0_PORT": "9090"},
    "portDefinitions": [{"port": 0}],
}


def scrape(lab, url):
    """Samples by name and labels; empty while nobody answers."""
    answer = lab.get(url)
    if answer.status != 200:
        return {}
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.body)
        for sample in family.samples
    }


def owners(lab):
    urls = [f"http://{each.address}:9099/metrics" for each in lab.topology.slaves]
    return sum(scrape(lab, url).get(("appliance_vip_owner", lab.vip), 0) for url in urls)


@pytest.fixture
def quarantined(lab):
    lab.deploy(BAD)
    yield
    lab.delete(BAD["id"])
    lab.wait("the app is gone", lambda: BAD["id"] not in lab.app_ids(), 60)


@pytest.mark.usefixtures("quarantined")
def test_a_node_that_runs_is_scraped_at_its_agent_and_through_haproxy(lab):
    slave = lab.topology.slaves[1]
    direct, proxied = f"http://{slave.address}:9099/metrics", f"http://{slave.address}:9090/appliance/metrics"

    def told():
        seen = scrape(lab, direct)
        known = seen.get(("appliance_app_quarantined", BAD["id"])) == 1
        return seen if known and ("appliance_marathon_stream_age_seconds",) in seen else None

    seen = lab.wait("the quarantined app is told", told, 60)
    assert seen["appliance_apps_quarantined",] >= 1
    assert seen["appliance_marathon_stream_age_seconds",] >= 0
    assert any(key[0] == "appliance_certificate_expiry_seconds" and left > 0 for key, left in seen.items())
    assert seen["appliance_apply_total", "reload", "ok"] >= 1
    for process in ("haproxy", "lb", "health", "agent", "vrrp", "keepalived"):
        assert seen["appliance_process_up", process] == 1
        assert seen["appliance_process_resident_memory_bytes", process] > 0

    through = lab.wait("HAProxy passes it on", lambda: scrape(lab, proxied), 60)
    assert {key[0] for key in through} >= {key[0] for key in seen}
    lab.wait("one owner", lambda: owners(lab) == 1, 60)
    haproxys_own = lab.get(f"http://{slave.address}:9090/metrics").body
    assert "haproxy_server_status" in haproxys_own
    assert "appliance_" not in haproxys_own


@pytest.mark.usefixtures("quarantined")
def test_status_of_nodes_that_run_is_as_its_schema_says_and_all_serve_the_same(lab):
    def seen():
        done = lab.exec(lab.topology.slaves[0].name, "appliance", "status", "-f", "json")
        said = json.loads(done.output)
        told = {alarm["id"] for alarm in said["alarms"]}
        hashes = {node["configuration"]["common_hash"] for node in said["nodes"]}
        settled = "QUARANTINE" in told and len(hashes) == 1 and "NODE-UNREACHABLE" not in told
        return said if settled else None

    said = lab.wait("all nodes have one configuration", seen, 60)
    VALID(said)
    assert len(said["owners"]) == 1
    assert all(node["status"]["lb"]["hash"] for node in said["nodes"])


@pytest.mark.usefixtures("quarantined")
def test_an_operator_is_told_why_an_app_is_not_served(lab):
    slave = lab.topology.slaves[0].name
    why = "9090"

    def told():
        done = lab.exec(slave, "appliance", "explain", BAD["id"])
        return done if done.code == 2 and why in done.output else None

    assert "QUARANTINED" in lab.wait("the reason is told", told, 60).output
    assert "VIP" in lab.exec(slave, "appliance", "explain").output
    assert lab.exec(slave, "appliance", "logs", "health").code == 0
