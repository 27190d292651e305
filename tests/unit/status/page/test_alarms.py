"""When alarms are worth an entry in the list of events."""

from __future__ import annotations

from appliance.status.cluster import Alarm
from appliance.status.page.alarms import LASTING_S, Alarms


def told(alarms):
    return [(event["at"], event["message"]) for event in alarms.happened]


def test_an_alarm_that_lasts_is_told_with_the_time_of_its_begin_and_of_its_end():
    alarms, alarm = Alarms(), Alarm("LB-DOWN", "slave-1: HAProxy ended")
    alarms.look([alarm], 100.0)
    assert told(alarms) == []
    alarms.look([alarm], 100.0 + LASTING_S)
    alarms.look([], 101.0 + LASTING_S)
    alarms.look([], 101.0 + 2 * LASTING_S)
    assert told(alarms) == [
        (100.0, "LB-DOWN: slave-1: HAProxy ended"),
        (100.0 + LASTING_S, "LB-DOWN is over: slave-1: HAProxy ended"),
    ]


def test_one_that_comes_and_goes_at_once_is_none():
    alarms = Alarms()
    alarms.look([Alarm("NODE-UNREACHABLE", "slave-2")], 100.0)
    for second in range(20):
        alarms.look([], 101.0 + second)
    assert told(alarms) == []


def test_an_age_that_grows_in_its_text_makes_no_new_alarm():
    alarms = Alarms()
    for second in range(30):
        alarms.look([Alarm("LB-SILENT", f"slave-1: no report for {30 + second} s")], 100.0 + second)
    assert [message for _, message in told(alarms)] == ["LB-SILENT: slave-1: no report for 36 s"]
