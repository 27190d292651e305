"""Servers that leave, on a HAProxy that is a record; the clock is given."""

from __future__ import annotations

import pytest

from appliance.errors import EngineError
from appliance.haproxy.departures import Departures
from appliance.haproxy.model import Backend, LoadBalancer, Mode, Server
from appliance.haproxy.runtime import RefusedCommandError
from appliance.haproxy.states import State


class Live:
    """One backend `a`; `busy` servers have a connection. Says what it was told."""

    def __init__(self, *names):
        self.present = {name: State("a", name, 1, "10.0.0.1", 80, 2, 0, 1, False) for name in names}
        self.busy, self.said, self.silent, self.complaint = set(), [], False, ""

    def servers(self, _backends):
        if self.silent:
            raise EngineError("HAProxy does not answer")
        return {"a": dict(self.present)}

    def connections(self, _backends):
        return {("a", name): 1 for name in self.busy}

    def told(self, commands):
        self.said += commands
        for command in commands:
            if command.startswith("del "):
                if self.complaint:
                    raise RefusedCommandError(self.complaint)
                del self.present[command.rpartition("/")[2]]


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def departures(live):
    clock = Clock()
    leave = Departures(live, clock)
    leave.begin(7, [("a", "old", False)])
    return leave, clock


def look(leave, clock, times=1):
    for _ in range(times):
        clock.now += 2.0
        leave.look()


def test_it_drains_rests_and_goes():
    live = Live("old", "new")
    leave, clock = departures(live)
    assert leave.waiting
    look(leave, clock, 4)
    assert [said.split()[-1] for said in live.said] == ["drain", "maint", "a/old"]
    assert not leave.leaving
    assert leave.next_look == float("inf")


def test_whoever_is_wanted_again_stays():
    live = Live("old", "new")
    leave, clock = departures(live)
    leave.stay(
        LoadBalancer(backends=(Backend("a", Mode.HTTP, "roundrobin", (Server("old", "10.0.0.1", 80, 1),)),))
    )
    look(leave, clock, 4)
    assert live.said == []


def test_another_worker_knows_nothing_of_it():
    leave, _ = departures(Live("old", "new"))
    leave.of(7)
    assert leave.leaving
    leave.of(8)
    assert not leave.leaving


def test_a_deletion_that_comes_too_soon_is_tried_again():
    live = Live("old", "new")
    live.complaint = "Server still has connections attached to it, cannot remove it."
    leave, clock = departures(live)
    look(leave, clock, 5)
    assert leave.leaving
    live.complaint = ""
    look(leave, clock, 2)
    assert not leave.leaving


def test_any_other_refusal_is_told():
    live = Live("old", "new")
    live.complaint = "Only servers in maintenance mode can be deleted."
    leave, clock = departures(live)
    with pytest.raises(RefusedCommandError):
        look(leave, clock, 4)


def test_a_haproxy_that_is_silent_is_asked_again():
    live = Live("old", "new")
    leave, clock = departures(live)
    live.silent = True
    look(leave, clock)
    live.silent = False
    look(leave, clock, 5)
    assert not leave.leaving


def test_with_nobody_to_take_over_there_is_nobody_to_wait_for():
    live = Live("old")
    leave, clock = departures(live)
    look(leave, clock)
    assert live.said == ["set server a/old state drain"]
