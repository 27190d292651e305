"""`appliance lab fault marathon-…` on the running lab."""

from __future__ import annotations

import sys
from pathlib import Path

from appliance import commands

APPLIANCE = Path(sys.prefix) / "bin/appliance"


def fault(*words):
    return commands.run([APPLIANCE, "lab", "fault", *words], timeout_s=30)


def test_a_fault_of_marathon_is_switched_on_and_all_are_cleared(lab):
    url = f"{lab.topology.marathon}/ping"
    try:
        switched = fault("marathon-error-503-json", "master", "path=/ping", "times=1")
        assert switched.code == 0, switched.errors
        assert (lab.get(url).status, lab.get(url).status) == (503, 200)
        fault("marathon-error-503-json", "path=/ping")
        assert lab.get(url).status == 503
    finally:
        cleared = fault("marathon-clear")
    assert (cleared.code, lab.get(url).status) == (0, 200)


def test_a_mistake_is_one_line(lab):  # noqa: ARG001 - it has to run
    for words, said in (
        (("marathon-nothing",), "--list"),
        (("marathon-portal", "times"), "key=value"),
        (("marathon-portal", "colour=red"), "has no option colour"),
    ):
        refused = fault(*words)
        assert refused.code != 0
        assert refused.errors.count("\n") == 1
        assert said in refused.errors


def test_the_list_shows_both_the_slaves_faults_and_marathons():
    shown = fault("--list").output
    assert "kill-haproxy " in shown
    assert "marathon-stream-half-open " in shown
