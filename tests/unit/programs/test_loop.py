from __future__ import annotations

import os
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.programs.loop import Bucket, Pace, Wake, Wakes

PACE = Pace(fold_s=0.1)


def test_the_first_event_after_silence_acts_at_once():
    assert PACE.due(now=100.0, began=40.0, ended=40.5) == 100.0


def test_events_that_follow_are_folded():
    assert PACE.due(now=100.05, began=100.0, ended=100.01) == 100.1


def test_a_dear_pass_is_followed_by_a_pause_as_long():
    assert PACE.due(now=101.0, began=100.0, ended=101.0) == 102.0


@given(st.integers(1, 120), st.lists(st.floats(0, 20), max_size=300))
def test_in_no_minute_are_there_more_reloads_than_allowed(per_minute, pauses):
    bucket, now, taken = Bucket(per_minute), 0.0, []
    for pause in pauses:
        now = max(now + pause, bucket.due(now + pause))
        bucket = bucket.taken(now)
        taken.append(now)
    for first in taken:
        assert sum(first <= one < first + 60 for one in taken) <= per_minute + 1


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
