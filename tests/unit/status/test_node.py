"""A node's role: the interface decides, not what a program remembers."""

from __future__ import annotations

import pytest

from appliance.status.node import FAULT, OWNER, STANDBY, STOPPED, role


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
