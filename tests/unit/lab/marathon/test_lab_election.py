from __future__ import annotations

from dataclasses import replace
from queue import Queue

import pytest

from appliance.lab.marathon.election import Election, Timing
from appliance.lab.marathon.overrides import Overrides

QUICK = Timing(session_s=0.02, election_s=0.02, wait_s=0.01)


@pytest.fixture
def election():
    """Three masters; `told` is what they were told."""
    told = Queue()
    made = Election(3, QUICK, told.put)
    made.told = told
    yield made
    made.stop()


def test_the_next_one_leads_after_an_abdication(election):
    for follower in (1, 2, 0):
        election.abdicate()
        assert (election.told.get(timeout=30), election.told.get(timeout=30)) == (None, follower)
        assert election.leader == follower


def test_a_leader_that_vanished_is_believed_in_while_its_session_lasts():
    election = Election(3, replace(QUICK, session_s=3600.0), lambda _: None)
    election.vanish(0)
    assert (election.leader, election.believed(1)) == (None, 0)
    assert election.believed(0) is None, "it knows by itself that it does not lead"
    election.stop()


def test_after_its_session_the_next_one_leads(election):
    election.vanish(0)
    assert (election.told.get(timeout=30), election.told.get(timeout=30)) == (None, 1)


def test_nobody_leads_until_one_appears(election):
    for master in (1, 2, 0):
        election.vanish(master)
    assert election.told.get(timeout=30) is None
    assert election.told.empty()
    election.appear(2)
    assert election.told.get(timeout=30) == 2


def test_overrides_may_end_in_any_order():
    value = Overrides("usual")
    first, second = value.add("first"), value.add("second")
    assert value.current == "second"
    first()
    assert value.current == "second"
    second()
    assert value.current == "usual"


def test_confused_masters_take_the_next_one_for_the_leader(election):
    election.confused.add(True)
    assert [election.believed(each) for each in range(3)] == [1, 2, 0]
