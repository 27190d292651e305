"""When packets are passed on to the former owner, and how long a former owner keeps the VIP for itself."""

from __future__ import annotations

import pytest

from appliance.keepalived import priority
from appliance.keepalived.handover import (
    ARMED_S,
    COPY_LONGEST_S,
    COPY_QUIET_S,
    LONGEST_S,
    QUIET_S,
    SHORTEST_S,
    Arm,
    Disarm,
    Handover,
    Heard,
    Keep,
    Look,
    Release,
    actions,
    step,
)
from appliance.keepalived.notify import State

HEALTHY, DRAINING = 236, 164
FORMER = "10.77.0.237"


def standby(heard=None, own=HEALTHY, source=FORMER):
    adverts = () if heard is None else (Heard(source, heard),)
    return Look(State.BACKUP, own, adverts)


def owner(own=HEALTHY, **counts):
    return Look(State.MASTER, own, **counts)


def walk(*looks, record=None, at=100.0):
    """The record after looks 0.1 s apart, and the time of the last one."""
    record = record or Handover()
    for number, look in enumerate(looks):
        at += 0.1 if number else 0.0
        record = step(record, look, at)
    return record, at


@pytest.mark.parametrize("heard", [83, 164, 235])
def test_a_working_owner_that_announces_less_will_be_succeeded(heard):
    record, _ = walk(standby(heard))
    assert record.former == FORMER
    assert actions(Handover(), record) == (Arm(FORMER),)


@pytest.mark.parametrize(
    ("heard", "own"),
    [
        pytest.param(0, HEALTHY, id="it gives up after a crash"),
        pytest.param(82, HEALTHY, id="it has no working load balancer"),
        pytest.param(246, HEALTHY, id="it stays the owner"),
        pytest.param(HEALTHY, HEALTHY, id="as good as this node"),
        pytest.param(164, None, id="this node is in fault"),
        pytest.param(164, 72, id="this node has no working load balancer"),
    ],
)
def test_otherwise_nothing_gets_ready(heard, own):
    record, _ = walk(standby(heard, own))
    assert actions(Handover(), record) == ()


def test_every_working_level_can_be_told_from_every_failed_one():
    ranks = range(5)
    assert min(priority.base(rank) + 41 for rank in ranks) == priority.LEAST_SERVING
    assert max(priority.base(rank) for rank in ranks) < priority.LEAST_SERVING


@pytest.mark.parametrize("heard", [0, 82, 246], ids=["resigned", "failed", "another node won"])
def test_an_owner_that_changes_its_mind_ends_the_readiness(heard):
    ready, at = walk(standby(DRAINING))
    record, _ = walk(standby(heard), record=ready, at=at + 0.1)
    assert actions(ready, record) == (Disarm(),)


def test_more_adverts_of_the_same_owner_change_nothing_but_another_owner_does():
    ready, at = walk(standby(DRAINING), standby(DRAINING))
    assert ready.since == 100.0
    record, _ = walk(standby(154, source="10.77.0.239"), record=ready, at=at)
    assert actions(ready, record) == (Arm("10.77.0.239"),)


def test_a_takeover_that_does_not_come_ends_the_readiness():
    ready, at = walk(standby(DRAINING))
    assert step(ready, standby(), at + ARMED_S - 0.1).former
    assert step(ready, standby(), at + ARMED_S).former == ""


def test_the_new_owner_passes_on_until_nobody_was_passed_on_for_a_while():
    record, at = walk(standby(DRAINING), owner(), owner(handed_over=10))
    assert record.forwards
    later = step(record, owner(handed_over=25), at + QUIET_S - 0.5)
    assert step(later, owner(handed_over=25), at + QUIET_S).forwards
    over = step(later, owner(handed_over=25), at + 2 * QUIET_S)
    assert actions(later, over) == (Disarm(),)
    assert not step(over, owner(), at + 2 * QUIET_S + 1).forwards


def test_it_passes_on_for_a_bounded_time():
    record, began = walk(standby(DRAINING), owner())
    at, packets = began, 0
    while record.forwards:
        at, packets = at + 1, packets + 1
        record = step(record, owner(handed_over=packets), at)
    assert at - began == LONGEST_S < COPY_LONGEST_S


def test_it_does_not_end_within_the_first_moments_and_not_for_want_of_a_count():
    record, at = walk(standby(DRAINING), owner())
    assert step(record, owner(handed_over=None), at + SHORTEST_S).forwards
    assert not step(record, owner(handed_over=None), at + QUIET_S).forwards


def test_an_owner_that_nobody_announced_passes_nothing_on():
    record, _ = walk(standby(246), owner())
    assert record.former == ""


@pytest.mark.parametrize(
    "look",
    [standby(246), owner(own=72), owner(own=None), Look(State.FAULT, None), Look(State.STOP, HEALTHY)],
    ids=["lost the VIP", "failed", "in fault", "FAULT", "keepalived ended"],
)
def test_it_ends_with_the_ownership_or_with_the_load_balancer(look):
    record, at = walk(standby(DRAINING), owner())
    assert Disarm() in actions(record, step(record, look, at + 0.1))


def test_the_owner_keeps_the_vip_on_its_loopback_while_it_serves():
    record, at = walk(owner())
    assert actions(Handover(), record) == (Keep(),)
    assert step(record, owner(own=DRAINING), at + 1).copy
    for look in (owner(own=82), owner(own=None), Look(State.FAULT, None), Look(State.STOP, HEALTHY)):
        assert actions(record, step(record, look, at + 1)) == (Release(),)


def test_a_standby_has_no_copy():
    assert not walk(standby(246), standby(246))[0].copy


def test_the_former_owner_keeps_it_while_connections_are_open_and_a_little_longer():
    record, at = walk(owner(), standby(DRAINING, own=DRAINING))
    assert record.lingers
    for _ in range(20):
        at += 1
        record = step(record, Look(State.BACKUP, DRAINING, connections=3), at)
    assert record.lingers
    assert step(record, Look(State.BACKUP, DRAINING, connections=0), at + COPY_QUIET_S - 0.1).lingers
    over = step(record, Look(State.BACKUP, DRAINING, connections=0), at + COPY_QUIET_S)
    assert actions(record, over) == (Release(),)


def test_the_former_owner_keeps_it_for_a_bounded_time():
    record, at = walk(owner(), standby(own=DRAINING))
    lost = at
    while record.copy:
        at += 0.5
        record = step(record, Look(State.BACKUP, DRAINING, connections=1), at)
    assert at - lost == COPY_LONGEST_S


def test_the_copy_goes_at_once_when_the_load_balancer_fails():
    record, at = walk(owner(), standby(own=DRAINING))
    for look in (standby(own=72), Look(State.FAULT, None), Look(State.STOP, DRAINING)):
        assert actions(record, step(record, look, at + 0.1)) == (Release(),)


def test_an_owner_that_comes_back_passes_on_and_keeps_its_own():
    record, at = walk(owner(), standby(own=DRAINING), standby(DRAINING, own=246, source="10.77.0.238"))
    assert record.lingers
    assert record.former == "10.77.0.238"
    record = step(record, owner(own=246), at + 0.2)
    assert record.forwards
    assert record.copy
    assert not record.lingers
