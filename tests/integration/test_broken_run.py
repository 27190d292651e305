"""A /run that is full or read-only, and a HAProxy that does not answer, stop no traffic and no program."""

from __future__ import annotations

import signal

import pytest
from one_node import BIN, OneNode

from appliance import files
from appliance.haproxy.render import own_hash
from appliance.health.verdict import Verdict


@pytest.fixture
def node(root):  # noqa: ARG001 - asks for root
    node = OneNode()
    try:
        node.boot()
        yield node
        assert node.generator.poll() is None, node.log()
    finally:
        node.close()


def told(node):
    """Whether the report that the node's programs see is about what serves."""
    report = files.report(node.inside(node.paths.lb_report))
    return report.get("hash") == own_hash(node.paths.haproxy_cfg.read_text()) and report["applied"]


def complaints(node):
    return [line for line in node.log().splitlines() if "lb.json cannot be written" in line]


def test_a_run_that_is_full_holds_nothing_up(node):
    node.mount("-t", "tmpfs", "-o", "size=4k", "tmpfs", node.paths.lb_run)
    node.moves_to(31001)
    node.until(lambda: complaints(node))
    node.moves_to(31003)
    assert "No space left" in complaints(node)[0]
    assert len(complaints(node)) == 1
    node.mount("-o", "remount,size=10m", node.paths.lb_run)
    node.until(lambda: told(node))
    assert "lb.json is written again" in node.log()


def test_a_run_that_is_read_only_loses_no_route_and_ends_nothing(node):
    node.mount("--bind", node.paths.run, node.paths.run)
    node.mount("-o", "remount,bind,ro", node.paths.run)
    node.until(lambda: complaints(node))
    assert "Read-only file system" in complaints(node)[0]
    node.moves_to(31001)  # by the runtime API, which needs no file there
    labels = {"HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": "new.example"}
    node.marathon.runs("/new", 31002, labels=labels)
    node.marathon.touched("/new")
    node.until(lambda: "is on a read-only file system: a reload would end HAProxy" in node.log())
    assert node.served_by() == "31001"
    assert len(complaints(node)) == 1
    node.mount("-o", "remount,bind,rw", node.paths.run)
    node.until(lambda: node.namespace.ask(headers={"Host": "new.example"})[0] == 200 and told(node))
    node.moves_to(31003)


def test_a_haproxy_that_takes_questions_and_does_not_answer_is_an_alarm_and_goes_on_serving(node):
    node.haproxy.send_signal(signal.SIGSTOP)
    try:
        node.until(lambda: "HAPROXY-SILENT" in alarms(node))
        node.marathon.serves(31001)
        node.marathon.touched("/web")
        assert node.report()["applied"]
        assert node.served_by() == "31002"
    finally:
        node.haproxy.send_signal(signal.SIGCONT)
    node.until(lambda: node.served_by() == "31001")
    node.until(lambda: "HAPROXY-SILENT" not in alarms(node) and told(node))


def alarms(node):
    return {alarm["id"] for alarm in node.report()["alarms"]}


@pytest.fixture
def health(node):
    """Starts the health program; it has to live to the end of the test."""
    node.paths.health_run.mkdir()
    started = []

    def start():
        started.append(node._start([BIN / "appliance", "--root", node.root, "run", "health"]))

    yield start
    assert [process.poll() for process in started] == [None], node.log()


def weight(node):
    return (files.read(node.inside(node.paths.track_file)) or "").strip()


def verdict(node):
    return files.report(node.inside(node.paths.health_report)).get("verdict")


def said(node, words):
    return [line for line in node.log().splitlines() if words in line]


def test_the_verdict_reaches_the_track_file_in_a_run_that_is_full(node, health):
    # One page for the number, one for the report: nothing can be replaced any more.
    node.mount("-t", "tmpfs", "-o", "size=8k", "tmpfs", node.paths.health_run)
    health()
    node.until(lambda: weight(node) == str(Verdict.HEALTHY.value))
    node.until(lambda: said(node, "health.json cannot be written: No space left"))
    node.kill(node.haproxy)
    node.until(lambda: weight(node) == str(Verdict.NO_LB.value))
    assert len(said(node, "health.json cannot be written")) == 1
    node.mount("-o", "remount,size=10m", node.paths.health_run)
    node.until(lambda: verdict(node) == "NO_LB")
    node.until(lambda: said(node, "health.json is written again"))


def test_health_goes_on_in_a_run_that_is_read_only(node, health):
    health()
    node.until(lambda: verdict(node) == "HEALTHY")
    node.mount("--bind", node.paths.run, node.paths.run)
    node.mount("-o", "remount,bind,ro", node.paths.run)
    node.until(lambda: said(node, "heartbeat cannot be written: Read-only"))
    node.kill(node.haproxy)
    node.until(lambda: said(node, "lb.weight cannot be written: Read-only"))
    node.until(lambda: said(node, "health.json cannot be written: Read-only"))
    assert weight(node) == str(Verdict.HEALTHY.value)
    node.mount("-o", "remount,bind,rw", node.paths.run)
    node.until(lambda: weight(node) == str(Verdict.NO_LB.value) and verdict(node) == "NO_LB")
    node.until(lambda: said(node, "heartbeat is written again"))
    assert len(said(node, "cannot be written: Read-only")) <= 4  # health's three files, the generator's one
