"""The lab, shared by all tests that need the whole product."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from appliance import commands
from appliance.lab import state
from appliance.lab.lab import Lab

APPLIANCE = Path(sys.prefix) / "bin/appliance"


@pytest.fixture(scope="module")
def lab(root):  # noqa: ARG001 - needed to be root, not its value
    """Three nodes that run; started by the command a user types, and ended whatever the tests did."""
    assert not state.remains(), "a lab is running already: appliance lab down"
    try:
        done = commands.run([APPLIANCE, "lab", "up"], timeout_s=150)
        assert done.code == 0, done.output + done.errors
        yield Lab.running()
    finally:
        if state.remains():
            down = commands.run([APPLIANCE, "lab", "down"], timeout_s=30)
            assert down.code == 0, down.errors
