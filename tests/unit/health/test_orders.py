"""What was ordered survives as files, and ends when its time has come."""

from __future__ import annotations

import time

import pytest

from appliance.health import orders
from appliance.health.orders import Orders, Reader
from appliance.paths import Paths


@pytest.fixture
def paths(tmp_path):
    made = Paths(tmp_path)
    made.state.mkdir(parents=True)
    return made


def test_without_files_nothing_is_ordered(paths):
    assert Reader(paths).read() == Orders()


def test_each_order_is_read_and_withdrawn(paths):
    reader = Reader(paths)
    orders.give(paths.drain, reason="kernel")
    orders.give(paths.preferred, address="10.0.0.3", name="slave-3")
    orders.give(paths.pause, weight=164)
    assert reader.read() == Orders(
        drained=True,
        reason="kernel",
        preferred="10.0.0.3",
        preferred_name="slave-3",
        paused=True,
        frozen=164,
    )
    assert all(map(orders.withdraw, (paths.drain, paths.preferred, paths.pause)))
    assert reader.read() == Orders()
    assert not orders.withdraw(paths.drain)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"until": "tomorrow"}'])
def test_an_order_that_cannot_be_read_still_counts(paths, text):
    paths.drain.write_text(text)
    assert Reader(paths).read().drained


def test_a_maintenance_ends_when_its_time_has_come(paths):
    reader = Reader(paths)
    orders.give(paths.drain, reason="disks", until=time.time() + 60)
    assert reader.read().drained
    assert reader.end_what_is_over() == ""
    orders.give(paths.drain, reason="disks", until=time.time() - 1)
    assert not reader.read().drained
    assert reader.end_what_is_over() == "its time is over: disks"
    assert not paths.drain.exists()
    assert reader.end_what_is_over() == ""
