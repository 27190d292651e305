"""What all tests share."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

import hypothesis
import own_machine
import pytest

hypothesis.settings.register_profile("the same everywhere", deadline=None, derandomize=True)
hypothesis.settings.load_profile("the same everywhere")

FIXTURES = Path(__file__).resolve().parents[2] / "shared" / "fixtures"


def pytest_sessionstart(session):
    """Each process that runs tests is alone on its machine: labs side by side never meet.

    Not those of the packages: apt has to reach its sources.
    """
    config = session.config
    only_distributes = config.getvalue("dist") != "no" and not hasattr(config, "workerinput")
    if os.geteuid() == 0 and not only_distributes and config.getvalue("markexpr") != "packages":
        own_machine.enter()


@pytest.fixture(autouse=True)
def _no_log_of_another_test():
    """A command that a test calls leaves a handler behind, whose stream is that test's."""
    for handler in logging.root.handlers[:]:
        if type(handler) is logging.StreamHandler:
            logging.root.removeHandler(handler)


@pytest.fixture(scope="session")
def root() -> None:
    """For tests that need real engines in namespaces; in CI a missing root is a failure, not a skip."""
    if os.geteuid() == 0:
        return
    if os.environ.get("CI"):
        pytest.fail("CI has to run these tests as root")
    pytest.skip("NOT RUN: needs root for network namespaces and real engines")


@pytest.fixture(scope="session")
def payload():
    """Read a recorded Marathon payload by file name; skip where none lie beside the checkout."""
    if not FIXTURES.is_dir():
        pytest.skip("NOT RUN: the recorded Marathon payloads are not beside this checkout")

    def read(name: str) -> object:
        path = FIXTURES / name
        return json.loads(path.read_text()) if path.suffix == ".json" else path.read_bytes()

    return read
