"""The arithmetic of deployments."""

from __future__ import annotations

import pytest

from appliance.lab.marathon.rolling import Moves, Restart, restart, scale

ONE_EXTRA = {"minimumHealthCapacity": 1, "maximumOverCapacity": 0}
DOUBLE = {"minimumHealthCapacity": 1, "maximumOverCapacity": 1}
HALF = {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0}


def seen(target, old, *, staying=None, alive=None, new=0, ready=0):
    staying = old if staying is None else staying
    return Restart(target, old, staying, staying if alive is None else alive, new, ready)


@pytest.mark.parametrize(
    ("arguments", "moves"),
    [
        ((3, 1, 1, 0), Moves(start=2)),
        ((1, 3, 3, 0), Moves(end=2)),
        ((2, 2, 1, 0), Moves()),
        ((2, 2, 2, 1), Moves()),
        ((2, 2, 2, 0), Moves(done=True)),
        ((0, 0, 0, 0), Moves(done=True)),
    ],
)
def test_scaling_starts_what_is_missing_and_ends_what_is_too_many(arguments, moves):
    assert scale(*arguments) == moves


def test_with_full_over_capacity_all_new_ones_start_beside_the_old():
    assert restart(seen(3, 3), DOUBLE, resident=False) == Moves(start=3)


def test_each_ready_new_one_ends_one_old():
    assert restart(seen(3, 3, new=3, ready=1), DOUBLE, resident=False) == Moves(end=1)
    assert restart(seen(3, 3, staying=2, alive=3, new=3, ready=1), DOUBLE, resident=False) == Moves()


def test_without_room_one_extra_is_started():
    assert restart(seen(3, 3), ONE_EXTRA, resident=False) == Moves(start=1)


def test_without_room_a_resident_app_ends_one_first():
    assert restart(seen(3, 3), ONE_EXTRA, resident=True) == Moves(end=1)


def test_what_exceeds_the_minimum_ends_at_once_and_frees_room():
    assert restart(seen(4, 4), HALF, resident=False) == Moves(end=2)
    assert restart(seen(4, 4, staying=2), HALF, resident=False) == Moves(start=2)


def test_it_is_done_when_all_new_are_ready_and_all_old_are_dead():
    assert not restart(seen(2, 2, staying=0, alive=1, new=2, ready=2), DOUBLE, resident=False).done
    assert restart(seen(2, 2, staying=0, new=2, ready=2), DOUBLE, resident=False).done


@pytest.mark.parametrize(
    "strategy", [DOUBLE, ONE_EXTRA, HALF, {"minimumHealthCapacity": 0, "maximumOverCapacity": 0}]
)
@pytest.mark.parametrize("old", [0, 1, 3, 5])
@pytest.mark.parametrize("target", [0, 1, 3, 4])
def test_every_restart_comes_to_an_end(strategy, old, target):
    staying, new = old, 0
    for _ in range(50):
        moves = restart(seen(target, old, staying=staying, new=new, ready=new), strategy, resident=False)
        if moves.done:
            break
        assert moves.start or moves.end
        staying, new = staying - moves.end, new + moves.start
    assert (staying, new) == (0, target)
