"""Track file, heartbeat, and the deputy that looks after them."""

from __future__ import annotations

import os
import time

import pytest

from appliance import files
from appliance.health import reports
from appliance.health.deputy import Deputy
from appliance.health.state import Picture
from appliance.health.verdict import Verdict, named, weighing
from appliance.paths import Paths


@pytest.fixture
def paths(tmp_path):
    made = Paths(tmp_path)
    made.health_run.mkdir(parents=True)
    made.state.mkdir(parents=True)
    return made


def age_heartbeat(paths, seconds):
    then = time.time() - seconds
    os.utime(paths.heartbeat, (then, then))


def test_the_track_file_is_written_only_on_change(paths):
    assert reports.write_weight(paths, Verdict.HEALTHY)
    inode = paths.track_file.stat().st_ino
    assert not reports.write_weight(paths, Verdict.HEALTHY)
    assert paths.track_file.stat().st_ino == inode
    assert paths.track_file.read_text() == "164\n"
    assert reports.write_weight(paths, Verdict.FAULT)
    assert reports.weight(paths) == -254


@pytest.mark.parametrize("text", ["", "healthy\n"])
def test_a_broken_track_file_is_written_again(paths, text):
    paths.track_file.write_text(text)
    assert reports.weight(paths) is None
    assert reports.write_weight(paths, Verdict.NO_LB)
    assert reports.weight(paths) == 0


@pytest.mark.parametrize(
    ("report", "picture"),
    [
        ({}, Picture.NONE),
        ({"picture": "marathon"}, Picture.NONE),
        ({"picture": "marathon", "applied": False}, Picture.NONE),
        ({"picture": "marathon", "applied": True}, Picture.MARATHON),
        ({"picture": "disk", "applied": True}, Picture.DISK),
        ({"picture": "none", "applied": True}, Picture.NONE),
        ({"picture": ["?"], "applied": True}, Picture.NONE),
    ],
)
def test_only_an_acknowledged_picture_counts(report, picture):
    assert reports.picture(report) is picture


def test_a_report_is_read_again_when_it_was_replaced(paths):
    report = reports.Report(paths.health_report)
    assert report.read() == {}
    files.publish(paths.health_report, {"n": 1})
    assert report.read() == {"n": 1}
    files.publish(paths.health_report, {"n": 2})
    assert report.read() == {"n": 2}
    paths.health_report.unlink()
    assert report.read() == {}


def test_the_deputy_leaves_a_living_health_program_alone(paths):
    reports.beat(paths)
    reports.write_weight(paths, Verdict.HEALTHY)
    assert Deputy(paths).watch() == ""
    assert reports.weight(paths) == 164


def test_the_deputy_acts_when_the_heart_is_silent_until_it_beats_again(paths):
    reports.beat(paths)
    reports.write_weight(paths, Verdict.HEALTHY)
    deputy = Deputy(paths)
    age_heartbeat(paths, 1.5)
    assert "silent for 1.5 s" in deputy.watch()
    assert reports.weight(paths) == 0
    assert deputy.watch() == ""
    reports.beat(paths)
    assert "lives again" in deputy.watch()


def test_the_deputy_acts_at_once_on_a_death(paths):
    reports.beat(paths)
    reports.write_weight(paths, Verdict.HEALTHY)
    assert "has ended" in Deputy(paths).watch(ended=True)
    assert reports.weight(paths) == 0


def test_the_deputy_keeps_a_drained_node_below_the_others(paths):
    files.replace(paths.drain, "{}")
    assert "has not run yet" in Deputy(paths).watch()
    assert reports.weight(paths) == -41


def test_names_and_numbers_lead_back_to_the_verdict():
    for verdict in Verdict:
        assert named(verdict.name) is verdict
        assert weighing(verdict.value) is verdict
    assert named("MARVELLOUS") is Verdict.NO_LB
    assert weighing(7) is Verdict.NO_LB
    assert weighing(-999) is Verdict.FAULT


def test_the_deputy_lets_go_where_no_last_resort_is_wanted(paths):
    assert "has not run yet" in Deputy(paths, lambda: True).watch()
    assert reports.weight(paths) == Verdict.FAULT.value


def test_the_deputy_outlives_a_track_file_that_cannot_be_written(paths):
    deputy = Deputy(paths)
    paths.health_run.rmdir()
    assert "has not run yet" in deputy.watch()
    assert deputy.watch() == ""
    paths.health_run.mkdir()
    deputy.watch()
    assert reports.weight(paths) == 0
