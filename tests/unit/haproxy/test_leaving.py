"""How a server leaves, step by step; the clock is given."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.haproxy.leaving import DRAIN_S, TAKE_OVER_S, Leaving, Seen, Stage, step

ONE = Leaving("a", "s1", since=100.0)
OTHERS, BUSY, GONE = Seen(True, 0, True), Seen(True, 2, True), Seen(False)


def test_it_waits_until_another_can_take_over():
    assert step(ONE, Seen(True, 2), 101.0) == (ONE, ())
    after, told = step(ONE, BUSY, 101.0)
    assert (after.stage, told) == (Stage.DRAINING, ("set server a/s1 state drain",))


def test_it_does_not_wait_for_ever():
    assert step(ONE, Seen(True, 2), 100.0 + TAKE_OVER_S)[0].stage is Stage.DRAINING


def test_its_requests_end_then_it_is_deleted():
    draining, _ = step(ONE, BUSY, 101.0)
    assert step(draining, BUSY, 150.0) == (draining, ())
    resting, told = step(draining, OTHERS, 151.0)
    assert told == ("set server a/s1 state maint",)
    deleted, told = step(resting, OTHERS, 151.1)
    assert told == ("del server a/s1",)
    assert step(deleted, OTHERS, 151.2)[1] == ()  # refused, perhaps: not at once again
    assert step(deleted, GONE, 151.2)[0].stage is Stage.GONE


def test_a_long_request_ends_the_drain_but_is_not_cut():
    draining, _ = step(ONE, BUSY, 101.0)
    resting, told = step(draining, BUSY, 101.0 + DRAIN_S)
    assert told == ("set server a/s1 state maint",)
    assert step(resting, BUSY, 10_000.0) == (resting, ())


def test_a_sticky_server_is_in_maintenance_at_once():
    sticky = Leaving("a", "s1", since=100.0, sticky=True)
    assert step(sticky, BUSY, 101.0)[1] == ("set server a/s1 state maint",)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2), st.booleans(), st.floats(0, 100)), max_size=30))
def test_it_never_goes_back_and_is_never_deleted_with_connections(inputs):
    order = list(Stage)
    one, now = ONE, 100.0
    for present, connections, usable, passed in inputs:
        now += passed
        before, (one, told) = one, step(one, Seen(present, connections, usable), now)
        assert order.index(one.stage) >= order.index(before.stage)
        if "del server a/s1" in told:
            assert before.stage is Stage.MAINTENANCE
            assert connections == 0
