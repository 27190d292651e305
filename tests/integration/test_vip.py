"""The VIP on real HAProxy and keepalived: three nodes, their programs, a client that keeps asking."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import threading
import time

import pytest
import vip_nodes
from vip_nodes import VIP, client_of, until

from appliance import commands, files
from appliance.errors import EngineError
from appliance.health.verdict import Verdict
from appliance.keepalived import priority, service

pytestmark = [pytest.mark.usefixtures("root"), pytest.mark.timeout(120)]

PROGRAMS = ("haproxy", "agent", "vrrp", "health", "keepalived")


def owners(nodes):
    return [node.name for node in nodes if node.holds]


@pytest.fixture(scope="module")
def running():
    with vip_nodes.cluster() as (nodes, client):
        for node in nodes:
            for program in PROGRAMS:
                node.start(program)
        yield nodes, client


@pytest.fixture
def calm(running):
    """All three healthy, the VIP on the first, whatever the test before did."""
    nodes, client = running
    for node in nodes:
        node.paths.drain.unlink(missing_ok=True)
        for program in PROGRAMS:
            if program not in node.processes:
                node.start(program)
    until(lambda: all(node.weight == Verdict.HEALTHY.value for node in nodes), 90, "three healthy nodes")
    until(lambda: owners(nodes) == ["slave-1"], 30, "the VIP on the first node")
    return nodes, client


def test_the_status_names_the_owner_and_why(calm):
    nodes, _ = calm
    for node in nodes:
        done = node.appliance("status")
        assert done.code == 0, done.output + done.errors
        assert re.search(r"slave-1 +10\.77\.0\.237 +OWNER +healthy", done.output)
        assert f"VIP {VIP} is on slave-1 because: slave-1 246 = 82 + 164 (healthy)" in done.output
    facts = json.loads(nodes[2].appliance("status", "-f", "json").output)
    assert [it["role"] for it in facts["nodes"]] == ["OWNER", "standby", "standby"]
    assert facts["alarms"] == []


def test_the_page_answers_on_every_node(calm):
    nodes, client = calm
    pages = []

    def ask():
        vip_nodes.enter(client)
        for node in nodes:
            connection = http.client.HTTPConnection(node.address, 9099, timeout=5)
            connection.request("GET", "/")
            pages.append(connection.getresponse().read().decode())
            connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(20)
    assert len(pages) == 3
    assert all("OWNER" in page and "because" in page for page in pages)


def test_killing_haproxy_moves_the_vip_and_its_return_brings_it_back(calm):
    nodes, client = calm
    with client_of(client) as asking:
        nodes[0].kill("haproxy")
        until(lambda: owners(nodes) == ["slave-2"], 30, "the VIP on the second node")
        until(lambda: asking.good[-1][1] == "slave-2", 30, "answers from the second node")
        until(lambda: nodes[0].weight == Verdict.NO_LB.value, 30, "a last resort after a second")
        failed = len(asking.failed)
        nodes[0].end("haproxy")
        nodes[0].start("haproxy")
        until(lambda: owners(nodes) == ["slave-1"], 90, "the VIP back on the first node")
        until(lambda: asking.good[-1][1] == "slave-1", 30, "answers from the first node")
        assert len(asking.failed) == failed, "moving back costs nothing"
    assert any(
        event.startswith("BACKUP -> MASTER: slave-1 gave it up (priority 0)") for event in nodes[1].events()
    )
    assert any(event.endswith("-> just failed: HAProxy ended") for event in nodes[0].events())


def test_the_operators_hooks_are_told_in_order_and_priorities_are_recorded_with_their_cause(calm):
    node = calm[0][0]
    told, folder = node.folder / "told", node.paths.hooks
    folder.mkdir(mode=0o755)
    hook = folder / "10-note"
    hook.write_text(f'#!/bin/sh\necho "$3 $4 $APPLIANCE_VIP $APPLIANCE_NODE: $APPLIANCE_CAUSE" >> {told}\n')
    hook.chmod(0o755)
    assert node.appliance("drain", "--reason", "kernel update").code == 0
    until(lambda: told.exists() and "BACKUP " in told.read_text(), 30, "the hook was told of the move")
    assert node.appliance("undrain").code == 0
    until(lambda: "\nMASTER " in f"\n{told.read_text()}", 30, "and of the return")
    lines = told.read_text().splitlines()
    states = [line for line in lines if "_PRIORITY" not in line]
    assert [line.split()[0] for line in states] == ["BACKUP", "MASTER"]
    assert any(line.startswith(f"MASTER_PRIORITY 164 {VIP} slave-1: ") for line in lines)
    assert any(event.startswith("priority 246 -> 164: ") for event in node.events("priority"))
    hook.unlink()


def test_a_hung_haproxy_gives_the_vip_up(calm):
    nodes, _ = calm
    nodes[0].kill_all("haproxy", signal.SIGSTOP)
    until(lambda: owners(nodes) == ["slave-2"], 30, "the VIP on the second node")
    assert any("gave no answer within 120 ms" in event for event in nodes[0].events())
    nodes[0].kill_all("haproxy", signal.SIGCONT)


def test_a_reload_of_haproxy_is_no_failure(calm):
    nodes, client = calm
    verdicts = nodes[0].events("verdict")
    with client_of(client) as asking:
        for _ in range(3):
            nodes[0].kill("haproxy", signal.SIGUSR2)
            asked = len(asking.good)
            until(lambda more=asked + 50: len(asking.good) > more, 30, "fifty more answers")
    assert asking.failed == []
    assert {name for _, name in asking.good} == {"slave-1"}
    assert nodes[0].events("verdict") == verdicts


def test_a_drain_loses_no_request(calm):
    nodes, client = calm
    with client_of(client) as asking:
        done = nodes[0].appliance("drain", "--reason", "kernel update")
        assert done.code == 0, done.errors
        assert re.fullmatch(
            rf"drained; the VIP {VIP} left this node after \d+ ms and is on slave-2\n", done.output
        )
        until(lambda: asking.good[-1][1] == "slave-2", 30, "answers from the second node")
        status = nodes[1].appliance("status")
        assert status.code == 2
        assert "slave-1 164 = 82 + 82 (draining: kernel update)" in status.output
        assert nodes[0].appliance("undrain").code == 0
        until(lambda: asking.good[-1][1] == "slave-1", 30, "answers from the first node")
    assert asking.failed == []


def test_the_last_healthy_node_is_not_drained_without_force(calm):
    nodes, _ = calm
    for node in nodes[1:]:
        assert node.appliance("drain").code == 0
    refused = nodes[0].appliance("drain")
    assert refused.code == 1
    assert "no other node is healthy (slave-2 154 = 72 + 82 (draining)" in refused.errors
    assert not nodes[0].paths.drain.exists()
    assert nodes[0].appliance("drain", "--force").code == 0
    assert owners(nodes) == ["slave-1"], "all are drained: the rank decides again"


def test_a_frozen_health_program_is_replaced_by_its_deputy(calm):
    nodes, client = calm
    with client_of(client) as asking:
        nodes[0].kill("health", signal.SIGSTOP)
        until(lambda: nodes[0].weight == 0, 30, "the deputy's number")
        until(lambda: owners(nodes) == ["slave-2"], 30, "the VIP on the second node")
        nodes[0].kill("health", signal.SIGCONT)
        until(lambda: nodes[0].weight == Verdict.HEALTHY.value, 30, "health's own number again")
        until(lambda: owners(nodes) == ["slave-1"], 30, "the VIP back")
    assert asking.failed == []
    until(lambda: any("lives again" in event for event in nodes[0].events()), 30, "the deputy's farewell")


def test_a_dead_health_program_counts_at_once(calm):
    nodes, _ = calm
    nodes[0].kill("health")
    until(lambda: nodes[0].weight == 0, 30, "the deputy's number")
    nodes[0].end("health")


def test_a_node_without_a_confirmed_picture_leaves_the_vip_to_those_who_have_one(calm):
    nodes, _ = calm
    nodes[0].end("health")
    nodes[0].lb_reports("disk")
    nodes[0].start("health")
    until(lambda: nodes[0].weight == Verdict.DEGRADED.value, 30, "degraded")
    until(lambda: owners(nodes) == ["slave-2"], 30, "the VIP on the second node")
    nodes[0].lb_reports("marathon")
    until(lambda: owners(nodes) == ["slave-1"], 30, "the VIP back once Marathon confirmed it")


def test_a_node_cut_off_from_marathon_loses_the_vip_to_one_that_is_not(calm):
    nodes, client = calm

    def told(*cut_off):
        for node in nodes:
            until = time.time() - 60 if node in cut_off else 0.0
            node.lb_reports("marathon", right_until=until)
        return True

    with client_of(client) as asking:
        until(lambda: told(nodes[0]) and owners(nodes) == ["slave-2"], 30, "the VIP on one that is not")
        assert "cut off from Marathon" in nodes[1].appliance("status").output
        until(lambda: told(*nodes) and owners(nodes) == ["slave-1"], 30, "all are: the rank decides")
    assert asking.failed == []
    for node in nodes:
        node.lb_reports("marathon")


def test_keepalived_killed_whole_comes_back_without_a_second_owner(calm):
    nodes, _ = calm
    paths = nodes[0].paths
    kill_whole(nodes[0])
    until(lambda: "slave-2" in owners(nodes), 30, "the second node takes over")
    until(lambda: any("the keepalived process ended" in event for event in nodes[0].events()), 5)
    nodes[0].end("keepalived")
    nodes[0].start("keepalived")
    until(lambda: owners(nodes) == ["slave-1"], 30, "one owner, the first node")
    assert service.pid(paths) is not None


@pytest.mark.parametrize("part", ["parent", "child"])
def test_half_of_keepalived_killed_ends_with_one_owner(calm, part):
    nodes, client = calm
    paths = nodes[0].paths
    before, child = service.pid(paths), int(paths.vrrp_pid.read_text())
    with client_of(client) as asking:
        os.kill(before if part == "parent" else child, signal.SIGKILL)
        if part == "parent":
            until(lambda: owners(nodes) == ["slave-2"], 30, "its child resigns in good order")
            nodes[0].end("keepalived")
            nodes[0].start("keepalived")
            until(lambda: service.pid(paths) not in (None, before), 30, "a new keepalived")
        else:
            until(lambda: files.read(paths.vrrp_pid) not in (None, "", f"{child}\n"), 30, "a new child")
        until(lambda: owners(nodes) == ["slave-1"], 30, "one owner, the first node")
        until(lambda: {name for _, name in asking.good[-20:]} == {"slave-1"}, 30, "answers from it alone")


def test_a_vip_that_keepalived_left_for_good_is_taken_off(calm):
    nodes, _ = calm
    refused = nodes[0].appliance("vip", "cleanup")
    assert refused.code == 1
    assert "looks after the VIP itself" in refused.errors
    kill_whole(nodes[0])
    assert nodes[0].holds
    until(lambda: owners(nodes) == ["slave-2"], 30, "taken off by the vrrp program")
    assert f"{VIP} is taken off: keepalived left it and does not run" in nodes[0].events()
    nodes[0].end("keepalived")
    nodes[0].end("vrrp")
    vip_nodes.ip("addr", "add", f"{VIP}/32", "dev", "eth0", namespace=nodes[0].namespace)
    done = nodes[0].appliance("vip", "cleanup")
    assert (done.code, done.output) == (0, f"taken off: {VIP}\n"), done.message
    assert owners(nodes) == ["slave-2"]
    assert nodes[0].appliance("vip", "cleanup").output == "no VIP was left here\n"


def kill_whole(node):
    """Stopped first: the child would resign in good order when its parent dies."""
    both = (service.pid(node.paths), int(node.paths.vrrp_pid.read_text()))
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for process in both:
            os.kill(process, number)


CUT = """
table inet cut {{
  chain arriving {{ type filter hook input priority -300; {rule} }}
  chain leaving {{ type filter hook output priority -300; {rule} }}
}}
"""


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("ip saddr {peers} drop; ip daddr {peers} drop;", "is claimed by MAC"),
        ("ip protocol 112 drop;", "is on slave-2 too, whose adverts do not arrive here"),
    ],
    ids=["cut off from its peers", "a firewall between them"],
)
def test_two_owners_are_an_alarm_with_a_cure_and_heal(calm, rule, words):
    nodes, client = calm
    peers = "{ " + ", ".join(node.address for node in nodes[1:]) + " }"
    within = ["ip", "netns", "exec", nodes[0].namespace]
    cut = CUT.format(rule=rule.replace("{peers}", peers))

    def alarms(node):
        return [it["text"] for it in files.report(node.paths.vrrp_report)["alarms"]]

    with client_of(client) as asking:
        assert commands.run([*within, "nft", "-f", "-"], stdin=cut).code == 0
        try:
            until(lambda: owners(nodes) == ["slave-1", "slave-2"], 30, "two owners")
            until(lambda: any(words in text for text in alarms(nodes[0])), 30, "noticed by the first")
            until(lambda: any("let protocol 112 pass" in text for text in alarms(nodes[1])), 30, "and second")
            said = nodes[1].appliance("status")
            assert said.code == 2
            assert "ALARM VIP-TWO-OWNERS" in said.output
        finally:
            assert commands.run([*within, "nft", "delete", "table", "inet", "cut"]).code == 0
        until(lambda: owners(nodes) == ["slave-1"], 30, "one owner")
        until(lambda: not any(map(alarms, nodes)), 30, "no alarm any more")
        until(lambda: asking.good[-1][1] == "slave-1", 30, "answers from it")
    # Nothing is handed over here: a request that is just under way may be cut, one at each of the two moves.
    assert len(asking.failed) <= 2
    assert f"VIP-TWO-OWNERS is over for {VIP}" in nodes[0].events()


def test_the_wrapper_stops_an_orphan_instead_of_starting_a_second_keepalived(calm):
    nodes, _ = calm
    orphan = service.pid(nodes[0].paths)
    left = nodes[0].processes.pop("keepalived")
    nodes[0].start("keepalived")
    until(lambda: service.pid(nodes[0].paths) not in (None, orphan), 30, "a new keepalived")
    assert left.wait(5) is not None
    until(lambda: owners(nodes) == ["slave-1"], 30, "one owner, the first node")


def test_a_changed_rank_moves_the_vip_by_reload(calm):
    nodes, client = calm
    before = nodes[0].paths.settings.read_text()
    process = service.pid(nodes[0].paths)
    lines = before.splitlines()
    position = next(n for n, line in enumerate(lines) if line.startswith("nodes"))
    first, second, third = re.findall(r"\{.*?\}", lines[position])
    lines[position] = f"nodes = [{third}, {second}, {first}]"
    with client_of(client) as asking:
        for node in nodes:
            # Every node learns the new order; each keeps the line that names its own address.
            text = node.paths.settings.read_text()
            node.paths.settings.write_text(re.sub(r"(?m)^nodes = .*$", lines[position], text))
        until(lambda: owners(nodes) == ["slave-3"], 30, "the VIP on the node that is first now")
        for node in nodes:
            text = node.paths.settings.read_text()
            node.paths.settings.write_text(
                re.sub(r"(?m)^nodes = .*$", f"nodes = [{first}, {second}, {third}]", text)
            )
        until(lambda: owners(nodes) == ["slave-1"], 30, "the VIP back")
    assert service.pid(nodes[0].paths) == process, "reloaded, not restarted"
    assert asking.failed == []


def test_what_keepalived_refuses_never_replaces_what_runs(calm):
    nodes, _ = calm
    paths = nodes[0].paths
    before = paths.keepalived_conf.read_text()
    text = paths.settings.read_text()
    paths.settings.write_text(text.replace('interface = "eth0"', 'interface = "eth9"'))
    try:
        until(lambda: any("stays in use" in event for event in nodes[0].events()), 30, "the refusal as event")
        assert paths.keepalived_conf.read_text() == before
        assert owners(nodes) == ["slave-1"]
    finally:
        paths.settings.write_text(text)


def test_the_configuration_passes_keepaliveds_own_check(calm):
    node = calm[0][0]
    text = node.paths.keepalived_conf.read_text()
    candidate = node.paths.run / "check.conf"
    argv = ["ip", "netns", "exec", node.namespace, "keepalived", "-t", "-e", "-f", candidate]
    candidate.write_text(text)
    assert commands.run(argv).code == 0
    candidate.write_text(text.replace("advert_int", "advert_intervall"))
    assert commands.run(argv).code == 5
    with pytest.raises(EngineError, match=r"keepalived refuses .* \(exit code 5\).*advert_intervall"):
        service.check(candidate)


@pytest.mark.parametrize("reader", [True, False], ids=["with a reader", "without a reader"])
def test_the_notify_hook_never_blocks(calm, reader):
    node = calm[0][2]
    if not reader:
        # keepalived and the recorder hold the fifo open: without a reader means another fifo here.
        node.end("vrrp")
        node.end("keepalived")
        node.paths.vrrp_fifo.unlink(missing_ok=True)
        os.mkfifo(node.paths.vrrp_fifo)
    started = time.monotonic()
    done = commands.run([node.paths.bin / "notify", "INSTANCE", "LB", "STOP", "62"])
    assert done.code == 0
    assert time.monotonic() - started < 1
    if reader:
        until(
            lambda: any("BACKUP -> STOP" in event for event in node.events()), 30, "the hook's line recorded"
        )
        commands.run([node.paths.bin / "notify", "INSTANCE", "LB", "BACKUP", "226"])
    else:
        assert 'INSTANCE "LB" STOP 62' in (node.paths.log / "notify-missed.log").read_text()


VERDICTS = (Verdict.HEALTHY, Verdict.DEGRADED, Verdict.DRAINING, Verdict.NO_LB, Verdict.FAULT)


def test_a_walk_over_verdicts_has_one_winner_each_and_the_right_one(calm):
    """Told by track files alone, without our programs."""
    nodes, _ = calm
    for node in nodes:
        node.end("health")
        node.end("vrrp")
    walk = [(a, b, c) for n, a in enumerate(VERDICTS) for b in VERDICTS[n % 2 :: 2] for c in VERDICTS[1::3]]
    for verdicts in walk:
        numbers = {}
        for rank, (node, verdict) in enumerate(zip(nodes, verdicts)):
            node.paths.track_file.write_text(f"{verdict.value}\n")
            numbers[node.name] = priority.effective(rank, verdict.value)
        able = {name: number for name, number in numbers.items() if number is not None}
        expected = [max(able, key=able.__getitem__)] if able else []
        until(lambda wanted=expected: owners(nodes) == wanted, 30, f"{verdicts} -> {expected}")


def test_without_known_peers_the_nodes_elect_by_multicast():
    with vip_nodes.cluster(peers=False) as (nodes, _):
        for node in nodes:
            for program in PROGRAMS:
                node.start(program)
        until(lambda: all(node.weight == Verdict.HEALTHY.value for node in nodes), 30, "three healthy nodes")
        until(lambda: len(owners(nodes)) == 1, 30, "one owner")
        owner = next(node for node in nodes if node.holds)
        other = next(node for node in nodes if not node.holds)
        assert owner.appliance("status").code == 0
        said = other.appliance("status")
        assert said.code == 0
        assert "its peers are not known here" in said.output
        owner.kill("haproxy")
        until(lambda: not owner.holds and len(owners(nodes)) == 1, 30, "another owner")
