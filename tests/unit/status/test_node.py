"""A node's role: the interface decides, not what a program remembers."""

from __future__ import annotations

import os

import pytest

from appliance import files
from appliance.paths import Paths
from appliance.status.node import FAULT, OWNER, STANDBY, STOPPED, generator, role


@pytest.mark.parametrize(
    ("holds", "weight", "runs", "state", "expected"),
    [
        (True, 164, True, "MASTER", OWNER),
        (True, 0, False, "STOP", OWNER),
        (False, 164, True, "BACKUP", STANDBY),
        (False, 164, True, "MASTER", STANDBY),
        (False, -254, True, "BACKUP", FAULT),
        (False, 0, True, "FAULT", FAULT),
        (False, 164, False, "BACKUP", STOPPED),
    ],
)
def test_roles(holds, weight, runs, state, expected):
    assert role(holds, weight, runs=runs, state=state) == expected


def test_a_report_that_is_old_is_an_alarm(tmp_path):
    paths = Paths(tmp_path)
    assert generator(paths) == {}
    paths.lb_run.mkdir(parents=True)
    files.publish(paths.lb_report, {"alarms": [{"id": "X"}]})
    assert [alarm["id"] for alarm in generator(paths)["alarms"]] == ["X"]
    os.utime(paths.lb_report, (1.0, 1.0))
    assert [alarm["id"] for alarm in generator(paths)["alarms"]] == ["X", "LB-SILENT"]
    assert "full or read-only" in generator(paths)["alarms"][-1]["text"]
