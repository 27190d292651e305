"""The demo's second half: Marathon runs one marathon-lb, and the VIP follows it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Callable

from appliance.errors import ApplianceError
from appliance.lab import floating, tutorial
from appliance.setup.app import ID

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.lab.lab import Lab

_AROUND_S = 0.5
_DEADLINE_S = 60.0
_PATIENT_MS = 5000.0
"""A client that waits: only a refusal or a reset counts as failed."""


def _switch(lab: Lab, folder: Path) -> str:
    for slave in lab.topology.slaves:
        lab.exec(slave.name, "appliance", "undrain")
    floating.to_floating(lab)
    posted = tutorial.post(lab, folder, tutorial.marathon_lb(lab.topology.marathon))
    return f"appliance-setup --mode floating on each slave\n{posted}\n{_followed(lab)}"


def _task_dies(lab: Lab, _folder: Path) -> str:
    def kill() -> None:
        before = _tasks(lab)
        lab.kill_tasks(ID)
        lab.wait("another task", lambda: _tasks(lab) - before, _DEADLINE_S)

    return _outage(lab, kill)


def _node_dies(lab: Lab, _folder: Path) -> str:
    victim = lab.wait("the VIP where marathon-lb is", lambda: floating.followed(lab), _DEADLINE_S)

    def power_off() -> None:
        lab.fault("power-off", victim.name)
        lab.wait("marathon-lb elsewhere", lambda: floating.host(lab) not in (None, victim), _DEADLINE_S)

    try:
        return _outage(lab, power_off)
    finally:
        lab.fault("power-on", victim.name)


def _back(lab: Lab, _folder: Path) -> str:
    with lab.load(deadline_ms=_PATIENT_MS) as load:
        floating.to_local(lab)
        lab.wait_healthy(_DEADLINE_S)
        time.sleep(_AROUND_S)
        _, seen = load.stop()
    if seen.failed:
        raise ApplianceError(f"requests failed on the way back: {seen}")
    return f"0 of {seen.requests} requests failed\n{lab.why()}"


STEPS: tuple[tuple[str, Callable[[Lab, Path], str]], ...] = (
    ("floating mode: the tutorial's marathon-lb.json is posted, and the VIP follows", _switch),
    ("its task is killed: Marathon starts it again, and the VIP is there", _task_dies),
    ("its node dies: Marathon starts it elsewhere, and the VIP is there", _node_dies),
    ("local mode again, node by node: no request failed", _back),
)


def _outage(lab: Lab, strike: Callable[[], None]) -> str:
    """What a client with a new connection each 10 ms saw of it."""
    with lab.load() as load:
        time.sleep(_AROUND_S)
        strike()
        where = _followed(lab)
        time.sleep(_AROUND_S)
        _, seen = load.stop()
    return f"{where}; a client waited {seen.longest_gap_ms:.0f} ms for an answer"


def _followed(lab: Lab) -> str:
    owner = lab.wait("the VIP where marathon-lb is", lambda: floating.followed(lab), _DEADLINE_S)
    lab.wait("an answer of an app on the VIP", lambda: lab.get("/").status == 200, _DEADLINE_S)
    return f"marathon-lb and the VIP are on {owner.name}"


def _tasks(lab: Lab) -> set[str]:
    return {task["id"] for task in lab.tasks(ID)}
