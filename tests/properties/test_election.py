"""Exactly one node wins the VIP, and the right one, for every combination of verdicts."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.health import compare
from appliance.health.compare import Sight
from appliance.health.state import Health, Look, Peer, Picture, step
from appliance.health.verdict import Verdict
from appliance.keepalived import priority
from appliance.settings import Cluster, Node, Vip

BEST_FIRST = [
    Verdict.HEALTHY,
    Verdict.DEGRADED,
    Verdict.DRAINING,
    Verdict.DRAINING_DEGRADED,
    Verdict.NO_LB,
    Verdict.NO_LB_DRAINING,
]


@pytest.mark.parametrize("nodes", range(1, 6))
def test_exactly_one_winner_and_the_right_one(nodes):
    """None stands for a node that is off. One node or five, on the same numbers."""
    for verdicts in itertools.product([None, *Verdict], repeat=nodes):
        numbers = {
            rank: number
            for rank, verdict in enumerate(verdicts)
            if verdict is not None and (number := priority.effective(rank, verdict.value)) is not None
        }
        assert len(set(numbers.values())) == len(numbers), "two nodes would announce the same"
        assert all(1 <= number <= 254 for number in numbers.values()), "keepalived would clamp it"
        if numbers:
            winner = max(numbers, key=lambda rank: numbers[rank])
            assert winner == min(numbers, key=lambda rank: (BEST_FIRST.index(verdicts[rank]), rank))


@pytest.mark.parametrize("nodes", range(1, 6))
def test_each_of_several_vips_has_its_own_winner(nodes):
    """VIPs that prefer the nodes in rotated orders: the best has it, among equals whom the VIP prefers."""
    cluster = Cluster("10.0.0.1", tuple(Node(f"n{n}", f"10.0.0.{n}") for n in range(1, nodes + 1)))
    names = [node.name for node in cluster.nodes]
    vips = [
        Vip(f"10.0.0.{100 + turn}", prefers=tuple(names[turn:] + names[:turn])[: turn + 1])
        for turn in range(nodes)
    ]
    ranks = [{node.name: rank for rank, node in enumerate(cluster.preferring(vip))} for vip in vips]
    assert [min(of_vip, key=of_vip.__getitem__) for of_vip in ranks] == names
    for verdicts in itertools.product([None, *Verdict], repeat=nodes):
        live = {
            name: verdict
            for name, verdict in zip(names, verdicts)
            if verdict is not None and verdict is not Verdict.FAULT
        }
        for of_vip in ranks:
            numbers = {name: priority.effective(of_vip[name], it.value) for name, it in live.items()}
            assert len(set(numbers.values())) == len(numbers), "two nodes would announce the same"
            if live:
                winner = max(numbers, key=numbers.__getitem__)
                assert winner == min(live, key=lambda name: (BEST_FIRST.index(live[name]), of_vip[name]))


@given(
    st.lists(st.permutations(range(5)), min_size=2, max_size=2),
    st.integers(1, 4),
    st.integers(0, 5),
)
def test_a_newcomer_renumbers_nobody(orders, count, named):
    """Whatever the VIP prefers: the ranks of those who are there stay, the newcomer's is the last."""
    nodes = tuple(Node(f"n{n}", f"10.0.0.{n}") for n in orders[0][: count + 1])
    names = {node.name for node in nodes[:count]}
    prefers = tuple(name for n in orders[1] if (name := f"n{n}") in names)[:named]
    vip = Vip("10.0.0.100", prefers=prefers)
    before = Cluster(nodes[0].address, nodes[:count]).preferring(vip)
    after = Cluster(nodes[0].address, nodes).preferring(vip)
    assert after == (*before, nodes[count])


def test_neighbours_are_far_enough_apart_not_to_race():
    """(p2 - p3) / 256 * advert has to be 3.5 ms or more."""
    for verdict in BEST_FIRST:
        numbers = [priority.effective(rank, verdict.value) for rank in range(5)]
        gaps = [better - worse for better, worse in zip(numbers, numbers[1:])]
        assert all(gap / 256 * 100 >= 3.5 for gap in gaps)


looks = st.builds(
    Look,
    problem=st.sampled_from(["", "", "", "port 80 refuses connections"]),
    died=st.booleans(),
    picture=st.sampled_from(Picture),
    draining=st.booleans(),
    peers=st.lists(st.builds(Peer, st.sampled_from(Verdict), st.floats(0, 100)), max_size=4).map(tuple),
)


@given(st.lists(st.tuples(looks, st.floats(0, 200)), max_size=60))
def test_every_story_of_looks_has_a_verdict_that_fits_its_last_look(story):
    state, now = Health(), 0.0
    for look, passed in story:
        now += passed
        state = step(state, look, now)
        assert isinstance(state.verdict, Verdict)
        assert state.verdict.serves == (state.up and state.picture is not Picture.NONE)
        if look.died:
            assert not state.verdict.serves
        if look.draining and state.verdict.serves:
            assert state.verdict in (Verdict.DRAINING, Verdict.DRAINING_DEGRADED)
        if state.verdict is Verdict.FAULT:
            assert any(peer.verdict.serves for peer in look.peers)
        assert state.verdict is Verdict.HEALTHY or state.reasons or look.draining


@given(st.lists(st.tuples(looks, st.floats(0, 5)), max_size=60))
def test_a_node_that_works_long_enough_is_healthy_again(story):
    state, now = Health(), 0.0
    for look, passed in story:
        now += passed
        state = step(state, look, now)
    for _ in range(20 * 64):
        now += 0.05
        state = step(state, Look(picture=Picture.MARATHON), now)
    assert state.verdict is Verdict.HEALTHY


sights = st.builds(
    Sight, st.one_of(st.none(), st.floats(0, 1000)), st.one_of(st.none(), st.integers(0, 5000))
)


@given(st.lists(sights, min_size=1, max_size=5))
def test_whoever_is_behind_is_behind_somebody_who_is_not(seen):
    for behind in (compare.stale, compare.blind):
        others = [(one, seen[:n] + seen[n + 1 :]) for n, one in enumerate(seen)]
        assert not all(behind(one, rest) for one, rest in others)
