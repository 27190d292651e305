"""A planned move of the VIP on real keepalived and HAProxy cuts no connection and leaves nothing behind."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest
import slow_app
import vip_nodes
from many_clients import clients_of
from vip_nodes import VIP, until

from appliance import commands, files
from appliance.health.verdict import Verdict
from appliance.keepalived.forwarding import TABLE

pytestmark = [pytest.mark.usefixtures("root"), pytest.mark.timeout(170)]

PROGRAMS = ("haproxy", "agent", "vrrp", "health", "keepalived")
MOVES = 5

HAPROXY = """\
defaults
  mode http
  timeout connect 1s
  timeout client 10s
  timeout server 10s
frontend http
  bind *:80
  http-request return status 200 content-type text/plain string ok if {{ hdr(host) {host} }}
  default_backend app
backend app
  server app 127.0.0.1:{port}
"""


HOST_FIREWALL = """\
table ip host {
  chain prerouting { type filter hook prerouting priority mangle; ct state invalid drop; }
  chain input { type filter hook input priority filter; ct state invalid drop; }
  chain forward { type filter hook forward priority filter; policy drop; }
}
"""
"""What a slave may well have: Docker forwards nothing for others, and connections are tracked."""


def within(node, *words):
    done = commands.run(["ip", "netns", "exec", node.namespace, *words])
    assert done.code == 0, done.message
    return done.output


def machine(node):
    """All that a move changes on a machine, and what it must not touch."""
    sysctls = (f"net.ipv4.conf.{name}" for name in ("all", "eth0", "lo"))
    return {
        "rules": within(node, "ip", "rule"),
        "tables": within(node, "nft", "list", "tables"),
        "loopback": within(node, "ip", "-o", "addr", "show", "lo"),
        "sysctls": within(node, "sysctl", "-a", "-r", f"^({'|'.join(sysctls)})\\."),
    }


def has_table(node):
    return TABLE in within(node, "nft", "list", "tables")


def owners(nodes):
    return [node.name for node in nodes if node.holds]


@pytest.fixture(scope="module")
def running():
    app = Path(slow_app.__file__)
    with vip_nodes.cluster() as (nodes, client):
        for node in nodes:
            argv = ["ip", "netns", "exec", node.namespace, "nft", "-f", "-"]
            assert commands.run(argv, stdin=HOST_FIREWALL).code == 0
            within(node, "sysctl", "-q", "-w", "net.ipv4.conf.all.rp_filter=1")
        before = [machine(node) for node in nodes]
        for node in nodes:
            text = HAPROXY.format(host=vip_nodes.PROBE_HOST, port=slow_app.PORT)
            (node.paths.run / "haproxy.cfg").write_text(text)
            argv = ["ip", "netns", "exec", node.namespace, sys.executable, app, node.name]
            node.processes["app"] = commands.start(argv, new_session=True)
            for program in PROGRAMS:
                node.start(program)
        yield nodes, client, before


@pytest.fixture
def calm(running):
    """All three healthy, the VIP on the first, and no move going on."""
    nodes, client, before = running
    until(lambda: all(node.weight == Verdict.HEALTHY.value for node in nodes), 90, "three healthy nodes")
    until(lambda: owners(nodes) == ["slave-1"], 30, "the VIP on the first node")
    until(lambda: VIP in within(nodes[0], "ip", "addr", "show", "lo"), 30, "the VIP on its loopback")
    return nodes, client, before


def test_drain_and_return_cut_no_connection(calm):
    nodes, client, before = calm
    first, second = nodes[:2]
    with clients_of(client) as clients:
        for _ in range(MOVES):
            for word, owner in (("drain", second), ("undrain", first)):
                begun, ended = clients.streams_begun, clients.good["stream"]
                clients.stream()
                until(lambda seen=begun: clients.streams_begun > seen, 30, "a long answer under way")
                done = first.appliance(word)
                assert done.code == 0, done.message
                until(lambda owner=owner: owners(nodes) == [owner.name], 30, f"the VIP on {owner.name}")
                until(lambda seen=ended: clients.good["stream"] > seen or clients.failed, 30, "its end")
    assert clients.failed == []
    assert clients.good["stream"] == 2 * MOVES
    assert set(clients.answered_by) == {"slave-1", "slave-2"}
    for node, was in zip(nodes[1:], before[1:]):
        until(lambda n=node, w=was: machine(n) == w, 30, f"{node.name} as it was")
    until(lambda: not has_table(first), 30, "no table on the owner")
    assert VIP in machine(first)["loopback"]
    first.end("vrrp")
    assert machine(first) == before[0]
    first.start("vrrp")


def test_a_crash_is_no_planned_move(calm):
    nodes, _, before = calm
    nodes[0].kill("haproxy")
    until(
        lambda: owners(nodes) == ["slave-2"] or any(map(has_table, nodes)), 30, "the second node takes over"
    )
    assert not any(map(has_table, nodes))
    until(lambda: machine(nodes[0]) == before[0], 30, "nothing on the node that failed")
    nodes[0].end("haproxy")
    nodes[0].start("haproxy")
    until(lambda: owners(nodes) == ["slave-1"], 90, "the VIP back on the first node")


def test_what_a_killed_program_left_is_gone_after_its_start(calm):
    nodes, _, before = calm
    first = nodes[0]
    assert first.appliance("drain").code == 0
    until(lambda: has_table(nodes[1]), 30, "the second node passes on")
    for node in nodes[:2]:
        node.kill("vrrp", signal.SIGKILL)
        node.end("vrrp")
        assert machine(node) != machine(nodes[2])
        node.end("keepalived")
        node.start("vrrp")
    for node, was in zip(nodes[:2], before):
        until(lambda n=node, w=was: machine(n) == w, 30, f"{node.name} as it was")
        node.start("keepalived")
    assert first.appliance("undrain").code == 0


def test_the_report_says_whether_connections_survive(calm):
    nodes, _, _ = calm
    assert [files.report(node.paths.vrrp_report)["handover"] for node in nodes] == ["on"] * 3
    node = nodes[2]
    node.end("vrrp")
    bare = node.folder / "bare"
    bare.mkdir()
    argv = ["unshare", "-m", "sh", "-c", f"mount --bind /dev/null $(command -v nft); exec {sys.executable}"]
    argv[-1] += f" -m appliance.cli.appliance --root {node.paths.root} run vrrp"
    with (node.paths.log / "vrrp.log").open("ab") as log:
        node.processes["vrrp"] = commands.start(
            ["ip", "netns", "exec", node.namespace, *argv], stdout=log, stderr=log, new_session=True
        )
    until(lambda: "off: " in json.dumps(files.report(node.paths.vrrp_report)), 30, "off with its reason")
    assert len([it for it in node.events() if it.startswith("a planned move of 10.77.0.250 cuts open")]) == 1
    node.end("vrrp")
    node.start("vrrp")
