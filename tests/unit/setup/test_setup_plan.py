from __future__ import annotations

import dataclasses
import ipaddress
from pathlib import Path

import pytest

from appliance.settings import (
    FLOATING,
    Access,
    Cluster,
    Dns,
    LoadBalancer,
    Marathon,
    Node,
    Policy,
    Settings,
    Vip,
)
from appliance.setup import plan
from appliance.setup.model import Agents, Asked, Level, Place, ok, warn
from appliance.setup.plan import File, Present

PLACE = Place("eth0", "10.0.0.2", ipaddress.IPv4Network("10.0.0.0/24"))
VIP = "10.0.0.250"
NOBODY = Agents((), warn("peers", "no Mesos master is known here"))


def nodes(*last_octets):
    return tuple(Node(f"slave-{octet}", f"10.0.0.{octet}") for octet in last_octets)


def agents(*last_octets):
    return Agents(nodes(*last_octets), ok("peers", "listed"))


def existing(*last_octets):
    return Settings(
        vip=Vip(VIP, "eth0", 77, 0.25),
        cluster=Cluster("10.0.0.2", nodes(*last_octets)),
        marathon=Marathon(("http://10.0.0.9:8080",)),
        lb=LoadBalancer(("internal",), health_check=True),
        policy=Policy(denied_templates=("*",)),
        access=Access(admin_networks=("10.9.0.0/16",)),
    )


def ranked(asked=None, before=None, found=NOBODY):
    return plan.ranked(asked or Asked(VIP), before, PLACE, "here", found)


def order(result):
    return [int(node.address.rpartition(".")[2]) for node in result.nodes]


def test_first_ranks_follow_the_addresses_as_numbers():
    named = Asked(VIP, peers=(Node("b", "10.0.0.100"), Node("a", "10.0.0.9")))
    assert order(ranked(named)) == [2, 9, 100]


def test_peers_that_mesos_lists_are_taken_and_shown():
    result = ranked(found=agents(3, 1, 2))
    assert order(result) == [1, 2, 3]
    assert result.finding.level is Level.OK
    assert "slave-3 10.0.0.3" in result.finding.text
    assert "10.0.0.2" not in result.finding.text


def test_the_other_nodes_agree_on_the_name_of_this_one_when_mesos_gives_it():
    assert ranked(found=agents(1, 2)).nodes[1] == Node("slave-2", "10.0.0.2")
    assert ranked().nodes == (Node("here", "10.0.0.2"),)


def test_four_other_agents_are_taken_and_five_have_to_be_named():
    assert order(ranked(found=agents(1, 2, 3, 4, 5))) == [1, 2, 3, 4, 5]
    refused = ranked(found=agents(1, 2, 3, 4, 5, 6))
    assert refused.finding.level is Level.FAIL
    assert "--peer" in str(refused.finding)


def test_alone_the_warning_names_the_flag():
    result = ranked()
    assert order(result) == [2]
    assert result.finding.level is Level.WARN
    assert "--peer" in str(result.finding)
    assert "multicast" in str(result.finding)


def test_ranks_persist_and_newcomers_are_appended():
    assert order(ranked(before=existing(3, 2, 1))) == [3, 2, 1]
    assert order(ranked(before=existing(3, 2), found=agents(1, 2, 3))) == [3, 2, 1]
    assert order(ranked(Asked(VIP, peers=nodes(1, 3, 4)), existing(3, 2))) == [3, 2, 1, 4]


def test_an_agent_that_mesos_lists_no_more_stays():
    assert order(ranked(before=existing(1, 2, 3), found=agents(1, 2))) == [1, 2, 3]


def test_many_agents_later_change_nothing_for_known_nodes():
    assert order(ranked(before=existing(1, 2, 3), found=agents(*range(1, 20)))) == [1, 2, 3]


def test_a_list_of_peers_removes_who_is_not_in_it():
    assert order(ranked(Asked(VIP, peers=nodes(3)), existing(1, 2, 3))) == [2, 3]


def test_names_are_kept_unless_others_are_given():
    before = existing(1, 2)
    bare, named = Node("10.0.0.1", "10.0.0.1"), Node("left", "10.0.0.1")
    assert ranked(Asked(VIP, peers=(bare,)), before).nodes[0].name == "slave-1"
    assert ranked(Asked(VIP, peers=(named,)), before).nodes[0].name == "left"


def test_a_host_name_that_no_settings_file_could_hold_gives_way_to_the_address():
    odd = Agents((Node('a"b', "10.0.0.1"),), ok("peers", "listed"))
    assert ranked(found=odd).nodes[0] == Node("10.0.0.1", "10.0.0.1")


def test_a_peer_outside_the_subnet_and_a_sixth_node_are_refused():
    outside = ranked(Asked(VIP, peers=(Node("far", "10.0.1.1"),)))
    assert outside.finding.level is Level.FAIL
    assert "far 10.0.1.1" in str(outside.finding)
    assert ranked(Asked(VIP, peers=nodes(1, 3, 4, 5, 6))).finding.level is Level.FAIL


def test_a_machine_with_a_new_address_leaves_its_old_one():
    before = dataclasses.replace(existing(1, 7), cluster=Cluster("10.0.0.7", nodes(1, 7)))
    assert order(ranked(before=before)) == [1, 2]


def settings(asked, before=None):
    return plan.settings(
        asked,
        before,
        place=PLACE,
        virtual_router_id=250,
        nodes=nodes(1, 2),
        masters=("http://10.0.0.9:8080",),
        credentials_file="",
    )


def test_what_was_not_asked_for_stays():
    kept = settings(Asked(VIP), existing(1, 2))
    assert kept.vip.advert_interval_s == 0.25
    assert (kept.lb, kept.policy, kept.access) == (existing(1).lb, existing(1).policy, existing(1).access)
    assert settings(Asked(VIP, groups=("a", "b")), existing(1, 2)).lb == LoadBalancer(
        ("a", "b"), health_check=True
    )
    assert settings(Asked(VIP)).lb.groups == ("external",)
    named = settings(Asked(VIP, domain="shop.example.com", dns_servers=("10.0.0.9",)), existing(1, 2))
    assert named.dns == Dns("shop.example.com", ("10.0.0.9",))
    assert settings(Asked(VIP), named).dns == named.dns


WANTED = File(Path("/etc/x"), "one\ntwo\n")
SAME = Present("one\ntwo\n", 0o644, "root:root")


def test_what_is_there_already_is_no_change():
    assert plan.changes([WANTED], {WANTED.path: SAME}) == ()


@pytest.mark.parametrize(
    ("present", "words"),
    [
        (None, ["--- /dev/null", "+++ /etc/x", "+one"]),
        (Present("one\n", 0o644, "root:root"), ["--- /etc/x", " one", "+two"]),
        (Present("one\ntwo\n", 0o600, "root:root"), ["/etc/x: root:root 600 -> root:root 644"]),
    ],
)
def test_a_difference_is_shown(present, words):
    (change,) = plan.changes([WANTED], {WANTED.path: present} if present else {})
    for word in words:
        assert word in change.diff()


@pytest.mark.parametrize("present", [None, Present("old:one\n", 0o640, "root:root")])
def test_a_secret_is_never_shown(present):
    secret = File(Path("/etc/s"), "user:password\n", 0o640, "root:root", secret=True)
    (change,) = plan.changes([secret], {secret.path: present} if present else {})
    assert "password" not in change.diff()
    assert "old" not in change.diff()
    assert "not shown" in change.diff()


def test_only_the_generator_is_restarted_and_only_for_what_it_reads():
    before = existing(1, 2)
    other_vip = dataclasses.replace(before, vip=Vip("10.0.0.251", "eth0", 251))
    other_group = dataclasses.replace(before, lb=LoadBalancer(("external",)))
    assert plan.affected(before, before, credentials_changed=False) == ()
    assert plan.affected(before, other_vip, credentials_changed=False) == ()
    assert plan.affected(before, other_group, credentials_changed=False) == (plan.LB,)
    at_the_vip = dataclasses.replace(before, access=Access(statistics_bind=("vip",)))
    assert plan.affected(before, at_the_vip, credentials_changed=False) == (plan.LB,)
    moved = dataclasses.replace(at_the_vip, vip=other_vip.vip)
    assert plan.affected(at_the_vip, moved, credentials_changed=False) == (plan.LB,)
    assert plan.affected(before, existing(1, 2, 3), credentials_changed=False) == (plan.LB,)
    assert plan.affected(before, before, credentials_changed=True) == (plan.LB,)
    assert plan.affected(None, before, credentials_changed=False) == (plan.LB,)


def settled(asked, before):
    return plan.settings(
        asked,
        before,
        place=PLACE,
        virtual_router_id=77,
        nodes=nodes(1, 2),
        masters=before.marathon.urls,
        credentials_file="",
    )


def test_what_was_not_asked_for_stays_as_it_is():
    before = dataclasses.replace(
        existing(1, 2),
        lb=LoadBalancer(("internal",), mode=FLOATING, strict_mode=True),
        policy=Policy(conflicts="first"),
    )
    assert settled(Asked(VIP), before) == before
    assert settled(Asked(VIP, groups=("external",)), before).lb == dataclasses.replace(
        before.lb, groups=("external",)
    )
    assert settled(Asked(VIP, mode="local"), before).lb == dataclasses.replace(before.lb, mode="local")


def test_where_marathon_runs_the_load_balancer_there_is_no_generator_to_restart():
    floating = dataclasses.replace(existing(1, 2), lb=LoadBalancer(mode=FLOATING))
    assert plan.affected(existing(1, 2), floating, credentials_changed=True) == ()
