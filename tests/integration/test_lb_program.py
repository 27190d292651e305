"""`appliance-lb sse` as supervisord runs it on a node, beside its HAProxy and a Marathon with events."""

from __future__ import annotations

import json
import signal

import pytest
from one_node import BIN, OneNode

from appliance import commands
from appliance.haproxy import runtime, states


@pytest.fixture
def node(root):  # noqa: ARG001 - asks for root
    node = OneNode()
    try:
        for port in (31001, 31002):
            node.namespace.serve(port, str(port))
        node.marathon.serves(31001)
        yield node
    finally:
        node.close()


@pytest.fixture
def generator(node):
    """A generator that has served Marathon's first answer."""
    generator = node.start_generator()
    node.until(node.paths.haproxy_cfg.exists)
    node.start_haproxy()
    node.until(lambda: (node.report().get("picture"), node.report().get("applied")) == ("marathon", True))
    node.until(lambda: node.report()["marathon"]["connected"])
    return generator


def test_a_first_start_ends_with_marathons_picture_served_and_reported(node, generator):
    assert generator.poll() is None
    assert node.served_by() == "31001"
    report = node.report()
    assert report["marathon"]["url"] == "http://127.0.0.1:8080"
    assert report["last_reload"]["ok"]
    assert report["hash"] in node.paths.haproxy_cfg.read_text()
    assert any("self-signed" in notice for notice in report["notices"])
    kinds = [json.loads(line)["kind"] for line in node.paths.events.read_text().splitlines()]
    assert "generation" in kinds


@pytest.mark.usefixtures("generator")
def test_an_event_moves_the_traffic(node):
    for port in (31002, 31001, 31002):
        node.marathon.serves(port)
        node.marathon.touched("/web")
        node.until(lambda port=port: node.served_by() == str(port))


def test_the_generators_death_stops_no_traffic_and_its_successor_takes_over(node, generator):
    generator.kill()
    generator.wait(30)
    assert {node.served_by() for _ in range(50)} == {"31001"}
    node.marathon.serves(31002)
    node.start_generator()
    node.until(lambda: node.served_by() == "31002")


def test_marathons_death_stops_no_traffic_and_is_reported(node, generator):
    node.marathon.status = 503
    node.marathon.drop_streams()
    node.until(lambda: "HTTP 503" in node.report()["marathon"]["error"])
    report = node.report()
    assert (report["picture"], report["applied"]) == ("marathon", True)
    assert not report["marathon"]["connected"]
    assert node.served_by() == "31001"
    assert generator.poll() is None


def test_a_boot_without_marathon_and_without_the_file_serves_the_saved_picture(node, generator):
    generator.terminate()
    generator.wait(30)
    node.kill(node.running[-1])
    node.paths.haproxy_cfg.unlink()
    node.marathon.status = 503
    node.start_generator()
    node.until(node.configured)
    node.start_haproxy()
    node.until(lambda: node.served_by() == "31001")
    node.until(lambda: (node.report()["picture"], node.report()["applied"]) == ("disk", True))
    node.until(lambda: [alarm["id"] for alarm in node.report()["alarms"]] == ["marathon-away"])


def test_sighup_reads_marathon_again_and_sigusr1_reloads(node, generator):
    node.marathon.serves(31002)
    generator.send_signal(signal.SIGHUP)
    node.until(lambda: node.served_by() == "31002")
    workers = runtime.processes(node.paths.haproxy_master_socket).workers
    generator.send_signal(signal.SIGUSR1)
    node.until(lambda: runtime.processes(node.paths.haproxy_master_socket).workers != workers)
    node.until(lambda: node.report()["applied"])


def test_sigterm_ends_it_promptly(node, generator):
    generator.terminate()
    assert generator.wait(30) == 0
    assert node.served_by() == "31001"


@pytest.mark.usefixtures("generator")
def test_once_on_a_node_goes_through_the_masters_socket(node):
    node.marathon.serves(31002)
    done = node.namespace.start(
        [BIN / "appliance-lb", "once", "--root", node.root, "--log-level", "error"], stdout=commands.PIPE
    )
    said = done.communicate(timeout=60)[0].decode()
    assert (done.returncode, said.partition("applied")[0]) == (0, f"{node.paths.haproxy_cfg}: ")
    assert node.served_by() == "31002"
    text = node.paths.haproxy_cfg.read_text()
    node.until(lambda: node.report()["applied"] and node.report()["hash"] in text)  # the loop agrees
    assert node.paths.haproxy_cfg.read_text() == text


def test_a_marathon_that_has_lost_everything_is_not_believed_at_once(node, generator):
    node.marathon.apps.clear()
    node.marathon.drop_streams()
    node.until(lambda: [alarm["id"] for alarm in node.report()["alarms"]] == ["marathon-shrunk"])
    assert "1 of 1 servers" in node.report()["alarms"][0]["text"]
    assert node.served_by() == "31001"

    generator.kill()  # nor by a successor that knows the servers only from the disk
    generator.wait(30)
    node.start_generator()
    node.until(lambda: node.report()["picture"] == "disk" and node.report()["alarms"])
    assert node.report()["picture_at"] > 0
    assert node.served_by() == "31001"

    node.marathon.serves(31002)
    node.marathon.touched("/web")
    node.until(lambda: node.served_by() == "31002")
    node.until(lambda: node.report()["alarms"] == [])


def test_servers_that_haproxy_finds_dead_too_are_believed_to_be_gone(node):
    ports = {"healthChecks": [{"protocol": "TCP", "intervalSeconds": 1, "maxConsecutiveFailures": 0}]}
    labels = {"HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": "dead.example"}
    node.marathon.runs("/dead", 31777, 31778, 31779, labels=labels, **ports)
    node.start_generator()
    node.until(node.paths.haproxy_cfg.exists)
    node.start_haproxy()
    node.until(lambda: node.report().get("applied") and node.report()["apps"] == 2)
    node.until(lambda: node.marathon.streams)
    node.until(lambda: states.down(node.paths.haproxy_socket, [("127.0.0.1", 31777)]))
    del node.marathon.apps["/dead"]
    node.marathon.drop_streams()
    node.until(lambda: node.report()["apps"] == 1)
    assert node.served_by() == "31001"


def appliance(node, *words):
    """(exit code, stdout, stderr) of the operator's command."""
    done = commands.run([BIN / "appliance", "--root", node.root, *words], timeout_s=60)
    return done.code, done.output, done.errors


def test_the_operator_sees_each_app_with_its_servers_and_who_is_quarantined(node, generator):
    labels = {"HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": "two words.example"}
    node.marathon.runs("/bad", 31002, labels=labels)
    generator.send_signal(signal.SIGHUP)
    node.until(lambda: [entry["app_id"] for entry in node.report()["quarantined"]] == ["/bad"])

    code, text, _ = appliance(node, "apps", "-f", "json")
    found = {app["id"]: app for app in json.loads(text)["apps"]}
    assert code == 2
    assert "HAPROXY_0_VHOST: 'two words.example' is not a host name" in found["/bad"]["quarantined"][0]
    assert found["/bad"]["services"] == []
    (service,) = found["/web"]["services"]
    assert (service["backend"], service["port"], service["port_open"]) == ("web_10000", 10000, True)
    assert service["vhosts"] == ["web.example"]
    (server,) = service["servers"]
    assert (server["address"], server["port"], server["state"]) == ("127.0.0.1", 31001, "no check")

    code, text, _ = appliance(node, "apps", "web")
    assert code == 0
    assert "0  web_10000  http  :10000  web.example  1 of 1 servers up" in text
    assert "127_0_0_1_31001  127.0.0.1:31001  no check" in text
    assert "/bad" not in text
    assert "QUARANTINED  HAPROXY_0_VHOST" in appliance(node, "apps")[1]
    code, _, errors = appliance(node, "apps", "none")
    assert (code, "no app /none is served here" in errors) == (64, True)


def test_without_a_generator_the_operator_is_told_so(node):
    code, _, errors = appliance(node, "apps")
    assert (code, "the generator does not answer on " in errors) == (3, True)
