from __future__ import annotations

import os
import signal

import pytest

from appliance.programs.loop import Pace, Wake, Wakes

PACE = Pace(fold_s=0.1, reload_distance_s=0.5)


def test_the_first_event_after_silence_acts_at_once():
    assert PACE.due(now=100.0, last_pass=40.0, last_reload=40.0) == 100.0


def test_events_that_follow_are_folded():
    assert PACE.due(now=100.05, last_pass=100.0, last_reload=40.0) == 100.1


def test_reloads_keep_their_distance():
    assert PACE.due(now=100.2, last_pass=100.0, last_reload=100.1) == 100.6


def test_all_reasons_so_far_come_together():
    wakes = Wakes()
    wakes.put(Wake.CHANGED)
    wakes.put(Wake.REGENERATE)
    assert wakes.next(5) == [Wake.CHANGED, Wake.REGENERATE]
    assert wakes.next(0) == []


@pytest.mark.parametrize(
    ("number", "wake"),
    [(signal.SIGHUP, Wake.REGENERATE), (signal.SIGUSR1, Wake.RELOAD), (signal.SIGTERM, Wake.STOP)],
)
def test_a_signal_is_a_reason_to_act(number, wake):
    kept = {
        each: signal.getsignal(each)
        for each in (signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM, signal.SIGINT)
    }
    wakes = Wakes()
    try:
        wakes.listen_to_signals()
        os.kill(os.getpid(), number)
        assert wakes.next(5) == [wake]
    finally:
        for each, handler in kept.items():
            signal.signal(each, handler)
