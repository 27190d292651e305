"""The set of nodes grows and shrinks one node at a time, on real keepalived, and a client notices nothing."""

from __future__ import annotations

import re

import pytest
import vip_nodes
from vip_nodes import client_of, until

from appliance.health.verdict import Verdict
from appliance.keepalived import service

pytestmark = [pytest.mark.usefixtures("root"), pytest.mark.timeout(180)]

PROGRAMS = ("haproxy", "agent", "vrrp", "health", "keepalived")


def know(node, nodes):
    """What appliance-setup writes on `node`."""
    listed = ", ".join(f'{{ name = "{it.name}", address = "{it.address}" }}' for it in nodes)
    text = node.paths.settings.read_text()
    node.paths.settings.write_text(re.sub(r"nodes = \[.*\]", f"nodes = [{listed}]", text))


def peers(node):
    return node.paths.keepalived_conf.read_text().partition("unicast_peer {")[2].partition("}")[0].split()


def owners(nodes):
    return [node.name for node in nodes if node.holds]


def healthy(nodes):
    return all(node.weight == Verdict.HEALTHY.value for node in nodes)


def test_nodes_come_and_go_one_at_a_time_without_a_failed_request():
    with vip_nodes.cluster() as (nodes, client):
        first, second, third = nodes
        for node in nodes:
            know(node, nodes if node is third else nodes[:2])
        for node in (first, second):
            for program in PROGRAMS:
                node.start(program)
        until(lambda: healthy([first, second]) and owners(nodes) == ["slave-1"], 90, "two nodes")
        with client_of(client) as asking:
            for program in PROGRAMS:
                third.start(program)
            until(lambda: any("VRRP waits: slave-1" in event for event in third.events()), 60, "it waits")
            until(lambda: any("does not know this node" in event for event in third.events("verdict")), 60)
            assert not service.runs(third.paths)
            know(first, nodes)
            until(lambda: third.address in peers(first), 30, "the first node knows it")
            assert not service.runs(third.paths), "the second does not know it yet"
            know(second, nodes)
            until(lambda: service.runs(third.paths) and healthy(nodes), 90, "three nodes")
            assert owners(nodes) == ["slave-1"]

            for program in ("keepalived", "vrrp", "health", "agent", "haproxy"):
                third.end(program)
            for node in (first, second):
                know(node, nodes[:2])
            until(lambda: peers(first) == [second.address], 30, "the first node forgot it")
            until(lambda: peers(second) == [first.address], 30, "the second node forgot it")
            assert owners(nodes) == ["slave-1"]
            answers = len(asking.good)
            until(lambda: len(asking.good) > answers + 50, 30, "fifty more answers")
        assert asking.failed == []
        assert {name for _, name in asking.good} == {"slave-1"}


def test_a_node_that_the_others_forgot_while_it_ran_lets_go():
    """The wrong order of shrinking: it would hear nobody, and own the VIP too."""
    with vip_nodes.cluster() as (nodes, client):
        for node in nodes:
            for program in PROGRAMS:
                node.start(program)
        until(lambda: healthy(nodes) and owners(nodes) == ["slave-1"], 90, "three nodes")
        with client_of(client) as asking:
            know(nodes[0], nodes[:2])
            know(nodes[1], nodes[:2])
            until(lambda: nodes[2].weight == Verdict.FAULT.value, 30, "the third may not hold it")
            until(lambda: nodes[2].address not in peers(nodes[0]), 30, "the first node forgot it")
            answers = len(asking.good)
            until(lambda: len(asking.good) > answers + 100, 30, "a hundred more answers")
            assert owners(nodes) == ["slave-1"]
        assert asking.failed == []
