"""The verdict over time, looked at with a clock of our own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.health.compare import Sight
from appliance.health.state import (
    CALM_S,
    LOOK_INTERVAL_S,
    RISE,
    RISE_LONE,
    Health,
    Look,
    Peer,
    Picture,
    hold_down_s,
    step,
)
from appliance.health.verdict import Verdict

GOOD = Look(picture=Picture.MARATHON)
REFUSED = replace(GOOD, problem="port 80 refuses connections")
DIED = replace(GOOD, died=True)
WORKS = Verdict.HEALTHY
SEES = Sight(picture_age_s=0.1, servers_up=10)


class Story:
    """A health state and a clock that moves on with each look."""

    def __init__(self):
        self.state, self.now = Health(), 1000.0

    def see(self, look, looks=1):
        for _ in range(looks):
            self.now += LOOK_INTERVAL_S
            self.state = step(self.state, look, self.now)
        return self.state.verdict

    def see_for(self, look, seconds):
        return self.see(look, round(seconds / LOOK_INTERVAL_S))

    def with_peer(self, look, verdict, age_s=0.0):
        return replace(look, peers=(Peer(verdict, self.now - age_s),))


@pytest.fixture
def healthy():
    story = Story()
    story.see(GOOD, RISE)
    assert story.state.verdict is Verdict.HEALTHY
    return story


def test_a_node_that_may_not_hold_the_vip_as_last_resort_is_in_fault_until_it_works(healthy):
    releases = replace(REFUSED, releases=True)
    assert healthy.see(replace(GOOD, releases=True)) is Verdict.HEALTHY
    assert healthy.see(releases, 2) is Verdict.FAULT
    assert healthy.see_for(releases, 30) is Verdict.FAULT
    assert healthy.state.reasons == ("port 80 refuses connections",)
    assert healthy.see(replace(GOOD, releases=True), RISE) is Verdict.HEALTHY


@pytest.mark.parametrize(
    ("knows_us", "peer", "age_s", "verdict"),
    [
        (False, WORKS, 0.0, Verdict.FAULT),
        (True, WORKS, 0.0, Verdict.HEALTHY),
        (False, Verdict.NO_LB, 0.0, Verdict.HEALTHY),
        (False, WORKS, 2.1, Verdict.HEALTHY),
    ],
)
def test_who_is_not_on_a_working_peers_list_may_not_hold_the_vip(healthy, knows_us, peer, age_s, verdict):
    stranger = Peer(peer, healthy.now - age_s, address="10.0.0.1", knows_us=knows_us)
    assert healthy.see(replace(GOOD, peers=(stranger,))) is verdict
    if verdict is Verdict.FAULT:
        assert healthy.state.reasons == ("10.0.0.1 does not know this node: run appliance-setup there",)


def test_a_node_starts_without_a_load_balancer():
    assert Health().verdict is Verdict.NO_LB


def test_a_start_takes_one_second_of_good_looks():
    story = Story()
    assert story.see(GOOD, RISE - 1) is Verdict.NO_LB
    assert story.see(GOOD) is Verdict.HEALTHY
    assert story.state.reasons == ()


@pytest.mark.parametrize(
    ("picture", "draining", "verdict"),
    [
        (Picture.NONE, False, Verdict.NO_LB),
        (Picture.DISK, False, Verdict.DEGRADED),
        (Picture.MARATHON, False, Verdict.HEALTHY),
        (Picture.NONE, True, Verdict.NO_LB_DRAINING),
        (Picture.DISK, True, Verdict.DRAINING_DEGRADED),
        (Picture.MARATHON, True, Verdict.DRAINING),
    ],
)
def test_what_a_working_node_counts_as(picture, draining, verdict):
    story = Story()
    assert story.see(Look(picture=picture, draining=draining), RISE) is verdict
    assert bool(story.state.reasons) == (verdict not in (Verdict.HEALTHY, Verdict.DRAINING))


def test_a_picture_counts_the_moment_it_is_applied():
    story = Story()
    story.see(Look(), 3 * RISE)
    assert story.see(GOOD) is Verdict.HEALTHY


def test_a_dead_generator_or_lost_marathon_does_not_end_health(healthy):
    assert healthy.see(Look(picture=Picture.NONE), 100) is Verdict.HEALTHY
    assert healthy.see(Look(picture=Picture.DISK), 100) is Verdict.HEALTHY


def test_one_bad_look_is_forgiven_two_are_not(healthy):
    assert healthy.see(REFUSED) is Verdict.HEALTHY
    assert healthy.see(GOOD) is Verdict.HEALTHY
    assert healthy.see(REFUSED) is Verdict.HEALTHY
    assert healthy.see(REFUSED) is Verdict.NO_LB
    assert healthy.state.reasons == ("port 80 refuses connections",)


def test_death_is_believed_at_once(healthy):
    assert healthy.see(DIED) is Verdict.NO_LB
    assert healthy.state.reasons == ("HAProxy ended",)
    healthy.see(REFUSED, 5)
    assert healthy.state.reasons == ("HAProxy ended",)


@pytest.mark.parametrize("peer", [Verdict.HEALTHY, Verdict.DEGRADED, Verdict.DRAINING])
def test_with_a_working_peer_a_failure_hands_over_for_a_second(healthy, peer):
    assert healthy.see(healthy.with_peer(DIED, peer)) is Verdict.FAULT
    for _ in range(18):
        assert healthy.see(healthy.with_peer(REFUSED, peer)) is Verdict.FAULT
    healthy.see(healthy.with_peer(REFUSED, peer), 2)
    assert healthy.see(healthy.with_peer(REFUSED, peer)) is Verdict.NO_LB


@pytest.mark.parametrize(
    ("peer", "age_s"),
    [(Verdict.NO_LB, 0.0), (Verdict.FAULT, 0.0), (Verdict.NO_LB_DRAINING, 0.0), (WORKS, 2.1)],
)
def test_without_a_peer_known_to_work_it_keeps_the_address(healthy, peer, age_s):
    assert healthy.see(healthy.with_peer(DIED, peer, age_s)) is Verdict.NO_LB


def test_handing_over_ends_when_the_peer_fails_too(healthy):
    healthy.see(healthy.with_peer(DIED, Verdict.HEALTHY))
    assert healthy.see(healthy.with_peer(REFUSED, Verdict.NO_LB)) is Verdict.NO_LB


def test_a_drained_node_that_fails_stays_below_every_other(healthy):
    assert healthy.see(replace(DIED, draining=True)) is Verdict.NO_LB_DRAINING


def test_a_drain_and_its_end_need_no_damping(healthy):
    drained = replace(GOOD, draining=True, drain_reason="kernel update")
    assert healthy.see(drained) is Verdict.DRAINING
    assert healthy.state.reasons == ("kernel update",)
    assert healthy.see(GOOD) is Verdict.HEALTHY


def test_the_hold_down_grows_to_a_minute():
    assert [hold_down_s(n) for n in range(10)] == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60]
    assert hold_down_s(10**9) == 60


def test_a_flapping_node_is_held_down_as_degraded(healthy):
    healthy.see(DIED)
    assert healthy.see_for(GOOD, 1.0) is Verdict.HEALTHY
    healthy.see(DIED)
    assert healthy.see_for(GOOD, 1.0) is Verdict.DEGRADED
    assert healthy.state.reasons == ("held down for 1 s after 2 failures in a row",)
    assert healthy.see_for(GOOD, 1.05) is Verdict.HEALTHY
    healthy.see(DIED)
    healthy.see_for(GOOD, 1.0)
    assert healthy.see_for(GOOD, 1.9) is Verdict.DEGRADED
    assert healthy.see_for(GOOD, 0.15) is Verdict.HEALTHY


def test_a_calm_time_forgives_earlier_failures(healthy):
    for _ in range(5):
        healthy.see(DIED)
        healthy.see_for(GOOD, 1.0)
    healthy.see_for(GOOD, CALM_S + 1)
    healthy.see(DIED)
    assert healthy.see_for(GOOD, 1.0) is Verdict.HEALTHY


def test_failing_before_it_ever_came_up_is_no_flap():
    story = Story()
    story.see(REFUSED, 50)
    story.see(DIED)
    assert story.state.failures == 0
    assert story.see(GOOD, RISE) is Verdict.HEALTHY


def test_since_is_the_time_of_the_last_change(healthy):
    since = healthy.state.since
    healthy.see(GOOD, 10)
    assert healthy.state.since == since
    healthy.see(DIED)
    assert healthy.state.since == healthy.now


FLOATING = replace(GOOD, floating=True)


def test_marathons_load_balancer_has_the_vip_at_once_where_no_other_node_has_one():
    story = Story()
    assert story.see(FLOATING, RISE_LONE - 1) is Verdict.NO_LB
    assert story.see(FLOATING) is Verdict.HEALTHY


def test_marathons_second_load_balancer_waits_as_any_other_does():
    story = Story()
    for _ in range(RISE - 1):
        assert story.see(story.with_peer(FLOATING, WORKS)) is Verdict.NO_LB
    assert story.see(story.with_peer(FLOATING, WORKS)) is Verdict.HEALTHY


def test_a_node_that_just_died_is_not_waited_for():
    story = Story()
    assert story.see(story.with_peer(FLOATING, WORKS, age_s=1.5), RISE_LONE) is Verdict.HEALTHY


def test_marathons_load_balancer_that_dies_again_and_again_is_held_down():
    story = Story()
    for _ in range(3):
        story.see(FLOATING, RISE_LONE)
        story.see(replace(FLOATING, died=True))
    assert story.see(FLOATING, RISE_LONE) is Verdict.DEGRADED


def seen_by(peer=SEES, verdict=WORKS, age_s=0.0, address="10.0.0.3"):
    return lambda story: Peer(verdict, story.now - age_s, address=address, sight=peer)


def behind(story, own, peer):
    """Long enough to be believed."""
    verdict = story.state.verdict
    for _ in range(round(4.0 / LOOK_INTERVAL_S)):
        verdict = story.see(replace(GOOD, sight=own, peers=(peer(story),)))
    return verdict


def test_a_node_that_alone_is_cut_off_from_marathon_is_degraded(healthy):
    assert behind(healthy, Sight(picture_age_s=60.0), seen_by()) is Verdict.DEGRADED
    assert healthy.state.reasons == ("cut off from Marathon, and a peer is not",)
    assert behind(healthy, Sight(picture_age_s=0.0), seen_by()) is WORKS


def test_a_node_that_alone_is_cut_off_from_the_tasks_is_degraded(healthy):
    assert behind(healthy, Sight(servers_up=3), seen_by()) is Verdict.DEGRADED
    assert healthy.state.reasons == ("sees under half of the servers up that a peer sees",)


@pytest.mark.parametrize(
    "peer",
    [
        seen_by(verdict=Verdict.NO_LB),
        seen_by(age_s=2.1),
        seen_by(Sight(picture_age_s=70.0, servers_up=3)),
        seen_by(Sight()),
    ],
    ids=["one without a load balancer", "a silent one", "one that is cut off too", "one that does not say"],
)
def test_such_a_peer_degrades_nobody(healthy, peer):
    assert behind(healthy, Sight(picture_age_s=60.0, servers_up=3), peer) is WORKS


def test_a_node_yields_to_the_one_that_a_switchover_chose_while_that_works(healthy):
    def see(verdict, age_s=0.0):
        peer = seen_by(verdict=verdict, age_s=age_s)(healthy)
        return healthy.see(replace(GOOD, preferred="10.0.0.3", preferred_name="slave-3", peers=(peer,)))

    assert see(WORKS) is Verdict.DRAINING
    assert healthy.state.reasons == ("switched over to slave-3",)
    assert see(WORKS, age_s=9.0) is Verdict.DRAINING
    assert see(WORKS, age_s=11.0) is WORKS
    assert see(Verdict.DEGRADED) is WORKS
    assert see(Verdict.DRAINING) is WORKS
