"""What an operator orders, on three real nodes: each waits, says what happened, and loses nothing."""

from __future__ import annotations

import json
import os
import re
import sys
import time

import pytest
import vip_nodes
from vip_nodes import VIP, client_of, until

from appliance import commands
from appliance.health import orders
from appliance.health.verdict import Verdict

pytestmark = [pytest.mark.usefixtures("root"), pytest.mark.timeout(150)]

PROGRAMS = ("haproxy", "agent", "vrrp", "health", "keepalived")
MS = r"\d+ ms"


def owners(nodes):
    return [node.name for node in nodes if node.holds]


def have_met(nodes):
    return all(
        len(json.loads(node.paths.known_peers.read_text())) == 2
        for node in nodes
        if node.paths.known_peers.exists()
    ) and all(node.paths.known_peers.exists() for node in nodes)


@pytest.fixture(scope="module")
def running():
    with vip_nodes.cluster() as (nodes, client):
        for node in nodes:
            for program in PROGRAMS:
                node.start(program)
        until(lambda: have_met(nodes), 60, "all nodes have met")
        yield nodes, client


@pytest.fixture
def calm(running):
    """All three healthy, the VIP on the first, whatever the test before did."""
    nodes, client = running
    for node in nodes:
        for order in (node.paths.drain, node.paths.preferred, node.paths.pause, node.paths.leaving):
            order.unlink(missing_ok=True)
        for program in PROGRAMS:
            if program not in node.processes:
                node.start(program)
    until(lambda: all(node.weight == Verdict.HEALTHY.value for node in nodes), 90, "three healthy nodes")
    until(lambda: owners(nodes) == ["slave-1"], 30, "the VIP on the first node")
    return nodes, client


def test_a_switchover_moves_the_vip_and_it_stays_until_it_is_ended(calm):
    nodes, client = calm
    with client_of(client) as asking:
        done = nodes[1].appliance("switchover", "--to", "slave-3")
        assert done.code == 0, done.message
        assert re.fullmatch(rf"the VIP {VIP} went from slave-1 to slave-3 within {MS}\n", done.output)
        assert owners(nodes) == ["slave-3"]
        status = nodes[0].appliance("status").output
        assert "slave-1 164 = 82 + 82 (draining: switched over to slave-3)" in status
        again = nodes[0].appliance("switchover", "--to", "slave-3")
        assert (again.code, again.output) == (0, f"the VIP {VIP} is on slave-3 already\n")
        back = nodes[2].appliance("switchover", "--back")
        assert back.code == 0, back.message
        assert f"the VIP {VIP} went from slave-3 to slave-1 within" in back.output
        until(lambda: asking.good[-1][1] == "slave-1", 30, "answers from the first node")
    assert asking.failed == []


def test_a_switchover_ends_with_the_health_of_its_target(calm):
    nodes, _ = calm
    assert nodes[0].appliance("switchover").output.startswith(f"the VIP {VIP} went from slave-1 to slave-2")
    nodes[1].kill("haproxy")
    until(lambda: owners(nodes) == ["slave-1"], 30, "the VIP where it works")
    until(lambda: nodes[0].weight == Verdict.HEALTHY.value, 30, "nobody yields to a dead load balancer")
    nodes[1].end("haproxy")
    nodes[1].start("haproxy")
    until(lambda: owners(nodes) == ["slave-2"], 90, "the chosen node has it again")


def test_a_switchover_is_refused_where_nothing_works(calm):
    nodes, _ = calm
    assert nodes[2].appliance("drain").code == 0
    refused = nodes[0].appliance("switchover", "--to", "slave-3")
    assert refused.code == 1
    assert "slave-3 cannot take the VIP: slave-3 144 = 62 + 82 (draining)" in refused.errors
    assert nodes[0].appliance("switchover", "--to", "slave-9").code == 64
    assert owners(nodes) == ["slave-1"]


def test_another_node_is_put_into_maintenance_and_taken_out_of_it(calm):
    nodes, client = calm
    with client_of(client) as asking:
        done = nodes[2].appliance(
            "maintenance", "on", "--node", "slave-1", "--reason", "new disks", "--until", "+60m"
        )
        assert done.code == 0, done.message
        assert re.fullmatch(
            rf"drained; the VIP {VIP} left slave-1 after {MS} and is on slave-2\n", done.output
        )
        assert any("drained: new disks, ordered by slave-3" in event for event in nodes[0].events())
        nodes[0].end("health")
        nodes[0].start("health")
        until(lambda: nodes[0].weight == Verdict.DRAINING.value, 30, "drained again after a restart")
        assert nodes[2].appliance("maintenance", "off", "--node", "10.77.0.237").code == 0
        until(lambda: owners(nodes) == ["slave-1"], 30, "the VIP back")
    assert asking.failed == []


def test_a_maintenance_ends_when_its_time_has_come(calm):
    nodes, _ = calm
    orders.give(nodes[0].paths.drain, reason="new disks", until=time.time() + 1)
    until(lambda: owners(nodes) == ["slave-2"], 30, "drained")
    until(lambda: owners(nodes) == ["slave-1"], 30, "the VIP back")
    assert "undrained: its time is over: new disks" in nodes[0].events()


def test_a_pause_freezes_every_node_and_shows(calm):
    nodes, _ = calm
    done = nodes[1].appliance("pause", "--reason", "a new switch")
    assert (done.code, done.output) == (0, "frozen: slave-1, slave-2, slave-3\n"), done.message
    nodes[0].kill("haproxy")
    until(lambda: any("just failed" in event for event in nodes[0].events()), 30, "health knows it")
    refused = nodes[0].appliance("drain")
    assert "'appliance resume' first" in refused.errors
    status = nodes[2].appliance("status")
    assert status.code == 2
    assert "ALARM PAUSED: priorities are frozen on slave-1, slave-2, slave-3" in status.output
    nodes[0].kill("health")
    nodes[0].end("health")
    nodes[0].start("health")
    until(lambda: nodes[0].events()[-1:] and "lives again" in "".join(nodes[0].events()[-3:]), 30, "health")
    assert owners(nodes) == ["slave-1"]
    assert nodes[0].weight == Verdict.HEALTHY.value
    assert nodes[0].appliance("resume").output == "follows health again: slave-1, slave-2, slave-3\n"
    until(lambda: owners(nodes) == ["slave-2"], 30, "what failed meanwhile counts now")
    nodes[0].end("haproxy")


def test_a_node_that_stops_hands_the_vip_over_first(calm):
    nodes, client = calm
    argv = [sys.executable, "-m", "appliance.cli.appliance", "--root", nodes[0].paths.root]
    argv = ["ip", "netns", "exec", nodes[0].namespace, *argv, "node", "stop", "--graceful"]
    with client_of(client) as asking:
        done = commands.run(argv, timeout_s=60, env={**os.environ, "MAINPID": "1"})
        assert done.code == 0, done.message
        assert re.fullmatch(rf"another node has the VIP {VIP} after {MS}\n", done.output)
        assert owners(nodes) == ["slave-2"]
        nodes[0].end("keepalived")
        nodes[0].end("haproxy")
        until(lambda: asking.good[-1][1] == "slave-2", 30, "answers from the second node")
    assert asking.failed == []


def test_a_node_that_was_set_up_anew_is_obeyed_once_it_is_trusted(calm):
    nodes, _ = calm
    first, second = nodes[:2]
    second.end("agent")
    second.paths.node_secret.unlink()
    second.start("agent")
    until(lambda: any("is not the one that was met first" in it for it in first.events()), 60, "noticed")
    refused = second.appliance("drain", "--node", "slave-1")
    assert refused.code == 1
    assert "slave-1 refuses: the signature does not fit what is known of slave-2" in refused.errors
    assert owners(nodes) == ["slave-1"]
    for node in (first, nodes[2]):
        node.appliance("trust", "slave-2")
    until(lambda: have_met(nodes), 60, "met again")
    assert second.appliance("drain", "--node", "slave-1").code == 0
    assert second.appliance("undrain", "--node", "slave-1").code == 0
