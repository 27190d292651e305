"""The lab, shared by all tests that need the whole product."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from appliance import commands
from appliance.lab import state
from appliance.lab.lab import Lab

APPLIANCE = Path(sys.prefix) / "bin/appliance"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """For runs on several workers: the lab is one for the machine; the nodes of a file are made once."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            needs_lab = {"lab", "without_lab"} & set(item.fixturenames)
            item.add_marker(pytest.mark.xdist_group("lab" if needs_lab else str(item.path)))


@pytest.fixture(scope="session")
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
