"""Knowing less than a peer: only differences count."""

from __future__ import annotations

import pytest

from appliance.health.compare import ALLOWED_AGE_S, LASTING_S, Lasting, Sight, blind, follow, stale

OLD = ALLOWED_AGE_S + 45
FRESH = Sight(picture_age_s=0.2, servers_up=40)


@pytest.mark.parametrize(
    ("own", "peers", "behind"),
    [
        (OLD, [0.1], True),
        (OLD, [None, OLD, 3.0], True),
        (OLD, [], False),
        (OLD, [None], False),
        (OLD, [OLD, 10 * OLD], False),
        (ALLOWED_AGE_S, [0.0], False),
        (ALLOWED_AGE_S + 1, [ALLOWED_AGE_S], False),
        (None, [0.0], False),
        (0.0, [OLD], False),
    ],
)
def test_cut_off_from_marathon_while_a_peer_is_not(own, peers, behind):
    assert stale(Sight(picture_age_s=own), [Sight(picture_age_s=age) for age in peers]) is behind


@pytest.mark.parametrize(
    ("own", "peers", "behind"),
    [
        (19, [40], True),
        (20, [40], False),
        (0, [1], True),
        (0, [0, 0], False),
        (5, [], False),
        (5, [None], False),
        (None, [40], False),
        (3, [2, 7], True),
    ],
)
def test_sees_under_half_of_what_a_peer_sees(own, peers, behind):
    assert blind(Sight(servers_up=own), [Sight(servers_up=up) for up in peers]) is behind


def test_of_two_nodes_at_most_one_is_behind():
    for mine in (None, 0.0, 10.0, OLD, 9 * OLD):
        for theirs in (None, 0.0, 10.0, OLD, 9 * OLD):
            one, other = Sight(picture_age_s=mine), Sight(picture_age_s=theirs)
            assert not (stale(one, [other]) and stale(other, [one]))


def test_what_does_not_last_is_not_believed():
    state = Lasting()
    for seen, now in ((True, 0.0), (True, LASTING_S - 0.1), (False, LASTING_S), (True, LASTING_S + 0.1)):
        state = follow(state, seen, now)
        assert not state.believed
    state = follow(state, True, 2 * LASTING_S + 0.2)
    assert state.believed


def test_its_end_has_to_last_too():
    state = follow(Lasting(True), False, 10.0)
    assert state.believed
    assert follow(state, True, 11.0) == Lasting(True)
    assert follow(state, False, 10.0 + LASTING_S) == Lasting(False)
