"""Who owns the VIP, why, and what is wrong, from what the nodes say."""

from __future__ import annotations

import json

import pytest

from appliance.cli.status import exit_code
from appliance.health.verdict import Verdict
from appliance.status import document, table
from appliance.status.cluster import Row, ahead_s, view
from appliance.status.ownership import Ownership

VIP = "10.77.0.250"


def row(rank, verdict=Verdict.HEALTHY, *, owner=False, role=None, reasons=(), draining=False):
    facts = {
        "role": role or ("OWNER" if owner else "standby"),
        "holds_vip": owner,
        "version": "0.1.0",
        "priority": {"weight": verdict.value},
        "health": {"verdict": verdict.name, "reasons": list(reasons), "draining": draining},
        "lb": {"apps": 2, "marathon": {"connected": True, "last_event_at": 98.0}},
        "vrrp": {"state": "MASTER", "state_since": 10.0},
    }
    return Row(f"slave-{rank + 1}", f"10.77.0.{237 + rank}", rank, facts)


def away(rank):
    return Row(f"slave-{rank + 1}", f"10.77.0.{237 + rank}", rank, {}, "no answer within 1 s")


def ids(seen):
    return [alarm.id for alarm in seen.alarms]


def test_the_why_line_shows_each_nodes_arithmetic():
    drained = row(0, Verdict.DRAINING, reasons=["kernel"], draining=True)
    failed = row(2, Verdict.NO_LB_DRAINING, reasons=["HAProxy ended"], draining=True)
    assert view(VIP, [drained, row(1, owner=True), failed]).why == (
        "VIP 10.77.0.250 is on slave-2 because: slave-1 164 = 82 + 82 (draining: kernel), "
        "slave-2 236 = 72 + 164 (healthy), "
        "slave-3 21 = 62 - 41 (no working load balancer, draining: HAProxy ended)"
    )


def test_a_fault_has_no_number():
    seen = view(VIP, [row(0, Verdict.FAULT, role="FAULT", reasons=["HAProxy ended"]), row(1, owner=True)])
    assert "slave-1 FAULT (just failed: HAProxy ended)" in seen.why


def test_three_healthy_nodes_are_fine():
    seen = view(VIP, [row(0, owner=True), row(1), row(2)])
    assert seen.alarms == ()
    assert exit_code(seen, "10.77.0.237") == 0


def test_two_owners_are_an_alarm():
    seen = view(VIP, [row(0, owner=True), row(1, owner=True), row(2)])
    assert ids(seen) == ["VIP-TWO-OWNERS"]
    assert "is on slave-1 and slave-2" in seen.why
    assert exit_code(seen, "10.77.0.237") == 2


def test_no_owner_is_an_alarm_and_an_exit_code_of_its_own():
    seen = view(VIP, [row(0), row(1), row(2)])
    assert ids(seen) == ["VIP-NO-OWNER"]
    assert exit_code(seen, "10.77.0.237") == 4


def test_a_silent_node_is_a_row_and_an_alarm():
    seen = view(VIP, [row(0, owner=True), row(1), away(2)])
    assert ids(seen) == ["NODE-UNREACHABLE"]
    assert "slave-3 does not answer" in seen.why
    assert "unreachable" in "\n".join(table.lines(seen, 100.0))
    assert exit_code(seen, "10.77.0.237") == 2
    assert exit_code(seen, "10.77.0.239") == 3, "our own agent is silent: not running here"


def test_each_trouble_has_its_alarm():
    seen = view(
        VIP,
        [
            row(0, Verdict.DRAINING, draining=True),
            row(1, owner=True),
            row(2, Verdict.DEGRADED, reasons=["from disk"]),
            row(3, Verdict.NO_LB, reasons=["HAProxy ended"]),
            row(4, role="stopped"),
        ],
    )
    assert ids(seen) == ["MAINTENANCE", "LB-DEGRADED", "LB-DOWN", "VRRP-DOWN"]


def test_a_standby_without_known_peers_does_not_claim_that_nobody_owns_it():
    seen = view(VIP, [row(0)])
    assert seen.alarms == ()
    assert "its peers are not known here" in seen.why


def test_a_table_has_one_aligned_line_a_node():
    lines = table.lines(view(VIP, [row(0, owner=True), row(1), away(2)]), 100.0)
    assert lines[0].startswith("ALARM NODE-UNREACHABLE: slave-3 (10.77.0.239)")
    assert lines[1].startswith("      see whether the node lives")
    heading, first, second, third = lines[3:7]
    assert heading.split() == [word for title in table.HEADINGS for word in title.split()]
    assert first.split()[:4] == ["slave-1", "10.77.0.237", "OWNER", "healthy"]
    assert "connected, event 2 s ago" in first
    assert len({line.index("10.77.0.2") for line in (first, second, third)}) == 1


def test_the_json_has_its_schema_and_every_node():
    seen = view(VIP, [row(0, owner=True), away(1)])
    facts = json.loads(json.dumps(document.document(seen, 100.0)))
    assert facts["schema"] == "marathon-ha-appliance/status/1"
    assert facts["owners"] == ["slave-1"]
    assert [node["verdict"] for node in facts["nodes"]] == ["HEALTHY", None]
    assert facts["at"].endswith("Z")


def test_an_answer_of_another_shape_is_survived():
    odd = Row("slave-1", "10.77.0.237", 0, {"health": [], "priority": None, "lb": {"marathon": 7}})
    assert table.lines(view(VIP, [odd]), 100.0)


def test_times_are_short():
    assert [table.ago(s) for s in (-1, 59, 61, 3600, 90061)] == [
        "0 s",
        "59 s",
        "1 min",
        "1 h 0 min",
        "1 d 1 h",
    ]


def floating(rank, verdict, **keywords):
    made = row(rank, verdict, **keywords)
    return Row(made.name, made.address, rank, {**made.facts, "mode": "floating"})


def test_where_marathon_runs_one_load_balancer_nodes_without_are_no_alarm():
    seen = view(
        VIP,
        [floating(0, Verdict.NO_LB), floating(1, Verdict.HEALTHY, owner=True), floating(2, Verdict.NO_LB)],
    )
    assert seen.alarms == ()


def test_where_marathon_runs_none_one_alarm_says_it():
    seen = view(VIP, [floating(0, Verdict.NO_LB, owner=True), floating(1, Verdict.NO_LB), away(2)])
    assert ids(seen) == ["LB-NOWHERE", "NODE-UNREACHABLE"]


MORE = "10.77.0.251"


def of_vips(rank, *, has=(), nodes=("10.77.0.237", "10.77.0.238"), ahead_s=0.0, held_s=60.0):
    """A node that says which VIPs it has, and for how long."""
    found = row(rank, owner=VIP in has)
    vips = [{"address": it, "holds": it in has, "held_s": held_s * (it in has)} for it in (VIP, MORE)]
    return Row(
        found.name, found.address, rank, {**found.facts, "vips": vips, "nodes": list(nodes)}, "", ahead_s
    )


def test_each_further_vip_has_its_own_why_by_its_own_order_of_nodes():
    seen = view(VIP, [of_vips(0, has=[VIP]), of_vips(1, has=[MORE])], {MORE: ["slave-2", "slave-1"]})
    assert seen.alarms == ()
    (why,) = seen.more
    assert why == (
        "VIP 10.77.0.251 is on slave-2 because: "
        "slave-1 236 = 72 + 164 (healthy), slave-2 246 = 82 + 164 (healthy)"
    )
    assert table.lines(seen)[-2:] == [seen.why, *seen.more]


def test_a_further_vip_without_an_owner_or_with_two_is_an_alarm():
    order = {MORE: ["slave-1", "slave-2"]}
    assert ids(view(VIP, [of_vips(0, has=[VIP]), of_vips(1)], order)) == ["VIP-NO-OWNER"]
    assert ids(view(VIP, [of_vips(0, has=[VIP, MORE]), of_vips(1, has=[MORE])], order)) == ["VIP-TWO-OWNERS"]


@pytest.mark.parametrize(("held_s", "alarms"), [(0.0, []), (0.9, []), (1.0, ["VIP-TWO-OWNERS"] * 2)])
def test_two_owners_during_a_move_are_no_alarm_until_it_has_lasted_too_long(held_s, alarms):
    both = [of_vips(0, has=[VIP, MORE]), of_vips(1, has=[VIP, MORE], held_s=held_s)]
    seen = view(VIP, both, {MORE: ["slave-1", "slave-2"]})
    assert ids(seen) == alarms
    assert "is on slave-1 and slave-2" in seen.why


def test_a_node_tells_for_how_long_it_has_a_vip():
    ownership = Ownership()
    assert ownership.held_s(VIP, True, 10.0) == 0.0
    assert ownership.held_s(MORE, True, 11.0) == 0.0
    assert ownership.held_s(VIP, True, 11.5) == 1.5
    assert ownership.held_s(VIP, False, 12.0) == 0.0
    assert ownership.held_s(VIP, True, 13.0) == 0.0, "it came back"
    assert ownership.held_s(MORE, True, 13.0) == 2.0


def test_nodes_that_rank_each_other_differently_are_an_alarm():
    twice = [of_vips(0, has=[VIP]), of_vips(1, nodes=("10.77.0.238", "10.77.0.237"))]
    seen = view(VIP, twice)
    assert ids(seen) == ["NODES-DIFFER"]
    assert "slave-2 10.77.0.238, 10.77.0.237; run appliance-setup on each" in seen.alarms[0].text


@pytest.mark.parametrize(("ahead_s", "words"), [(12.4, "12 s ahead of"), (-3.0, "3 s behind")])
def test_clocks_that_are_apart_are_an_alarm(ahead_s, words):
    seen = view(VIP, [of_vips(0, has=[VIP]), of_vips(1, ahead_s=ahead_s)])
    assert ids(seen) == ["CLOCKS-APART"]
    assert f"the clock of slave-2 is {words}" in seen.alarms[0].text


@pytest.mark.parametrize(
    ("said", "ahead"), [(100.5, 0.0), (103.0, 2.0), (97.0, -3.0), (None, 0.0), ("x", 0.0)]
)
def test_a_slow_answer_is_no_wrong_clock(said, ahead):
    assert ahead_s(said, asked_at=100.0, answered_at=101.0) == ahead


def test_where_the_domain_leads_is_said_once_for_nodes_that_agree():
    def with_domain(rank, address, *alarms):
        part = {"name": "shop.example.com", "addresses": [address], "alarms": list(alarms)}
        told = row(rank, owner=rank == 0)
        return Row(told.name, told.address, rank, {**told.facts, "domain": part})

    wrong = {"id": "DOMAIN-ELSEWHERE", "text": "points at 192.0.2.9"}
    away_from = [with_domain(0, VIP), with_domain(1, "192.0.2.9", wrong), with_domain(2, "192.0.2.9", wrong)]
    seen = view(VIP, away_from)
    assert [str(alarm.text) for alarm in seen.alarms] == ["slave-2, slave-3: points at 192.0.2.9"]
    assert seen.more == (
        "domain shop.example.com is 10.77.0.250 on slave-1",
        "domain shop.example.com is 192.0.2.9 on slave-2, slave-3",
    )
    assert exit_code(seen, "10.77.0.237") == 2
