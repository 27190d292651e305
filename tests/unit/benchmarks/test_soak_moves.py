"""Which moves of the VIP the soak takes for explained."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[3] / "benchmarks"))

from soak_moves import CUTS, Injected, judge

from appliance.health.state import BLIND, CUT_OFF

FAULT = Injected("stream-half-open", 990.0, 1025.0)


def verdict(at, word, *reasons):
    return {"at": at, "kind": "verdict", "verdict": word, "reasons": list(reasons), "message": ""}


def vrrp(at, before, after, cause):
    message = f"{before} -> {after}: {cause}"
    return {"at": at, "kind": "vrrp", "before": before, "state": after, "cause": cause, "message": message}


def there_and_back(reason=CUT_OFF, cause=f"this node: degraded, {CUT_OFF}; slave-2 has 236"):
    return {
        "slave-1": [
            vrrp(1020.1, "MASTER", "BACKUP", cause),
            verdict(1020.0, "DEGRADED", reason),
            verdict(1030.0, "HEALTHY"),
            vrrp(1030.2, "BACKUP", "MASTER", "own priority 246 is above slave-2's 236; this node: healthy"),
        ],
        "slave-2": [
            vrrp(1020.1, "BACKUP", "MASTER", "own priority 236 is above slave-1's 205"),
            vrrp(1030.2, "MASTER", "BACKUP", "slave-1 announced a higher priority, 246"),
        ],
    }


def test_a_node_that_is_cut_off_may_lose_the_vip_and_take_it_back():
    judged = judge(there_and_back(), [FAULT])
    assert judged.unexplained == []
    assert len(judged.explained) == 4
    assert all("stream-half-open" in line for line in judged.explained)


@pytest.mark.parametrize(
    "injected",
    [
        [],
        [Injected("stream-half-open", 900.0, 935.0)],
        [Injected("stream-half-open", 1019.0, 1060.0)],
        [Injected("stream-comments", 990.0, 1025.0)],
        [Injected("content-labels-null", 990.0, 1025.0)],
    ],
    ids=["no fault", "over long before", "too late", "harmless frames", "answers that are in order"],
)
def test_a_move_that_no_fault_explains_is_wrong(injected):
    judged = judge(there_and_back(), injected)
    assert (judged.explained, len(judged.unexplained)) == ([], 4)


def test_content_explains_that_a_node_sees_fewer_servers_up():
    moves = there_and_back(BLIND, f"this node: degraded, {BLIND}; slave-2 has 236")
    assert judge(moves, [Injected("content-tasks-missing", 1010.0, 1013.0)]).unexplained == []


@pytest.mark.parametrize("word", ["NO_LB", "FAULT", "DRAINING"])
def test_any_other_verdict_explains_nothing(word):
    moves = there_and_back()
    moves["slave-1"][1] = verdict(1020.0, word, "HAProxy ended")
    assert judge(moves, [FAULT]).explained == []


def test_another_reason_beside_it_explains_nothing():
    moves = there_and_back()
    moves["slave-1"][1] = verdict(1020.0, "DEGRADED", "held down for 2 s after 3 failures in a row", CUT_OFF)
    assert judge(moves, [FAULT]).explained == []


def test_the_record_of_the_node_has_to_name_the_cause():
    judged = judge(there_and_back(cause="slave-2 announced a higher priority, 236"), [FAULT])
    assert judged.unexplained == ["slave-1 MASTER -> BACKUP: slave-2 announced a higher priority, 236"]


def test_a_move_at_another_time_is_wrong():
    moves = there_and_back()
    moves["slave-3"] = [vrrp(1100.0, "BACKUP", "MASTER", "no advert from slave-1 for 400 ms")]
    assert judge(moves, [FAULT]).unexplained == [
        "slave-3 BACKUP -> MASTER: no advert from slave-1 for 400 ms"
    ]


def test_the_names_of_faults_are_known():
    assert {"stream-silent", "stream-drop", "masters-down", "hang", "body-slow"} <= CUTS
    assert not {"stream-comments", "content-reversed"} & CUTS
