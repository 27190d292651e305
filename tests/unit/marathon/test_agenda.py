"""What is read, and when, for each kind of event."""

from __future__ import annotations

import json

import pytest

from appliance.marathon.agenda import EARLIER, FEW, FOLD_S, PLAN_GRACE_S, Agenda, Read
from appliance.marathon.events import UNREADABLE, WANTED, Event, event


def change(*apps, kind="status_update_event"):
    return Event(kind, frozenset(apps))


@pytest.fixture
def agenda():
    made = Agenda(period_s=60.0)
    assert made.take(0.0, 0) == Read(None, "once in a while")
    return made


def test_the_first_change_acts_at_once_and_the_rest_is_folded(agenda):
    agenda.hear(change("/a"), 10.0)
    assert agenda.take(10.0, 100) == Read(("/a",), "status_update_event of /a")
    agenda.hear(change("/b"), 10.01)
    agenda.hear(change("/c"), 10.02)
    assert agenda.next_at() == 10.0 + FOLD_S
    assert agenda.take(10.05, 100) is None
    assert agenda.take(10.1, 100) == Read(("/b", "/c"), "status_update_event of /b, /c")


def test_events_that_name_many_apps_read_everything(agenda):
    agenda.hear(change(*(f"/{n}" for n in range(FEW + 1))), 10.0)
    assert agenda.take(10.0, 100).apps is None
    agenda.hear(change(*(f"/{n}" for n in range(FEW + 1))), 20.0)
    assert len(agenda.take(20.0, 1000).apps) == FEW + 1


def test_a_group_that_changes_waits_for_the_plan_that_names_its_apps(agenda):
    agenda.hear(Event("group_change_success", None), 10.0)
    assert agenda.take(10.0, 9) is None
    agenda.hear(change("/a", kind="deployment_info"), 10.2)
    assert agenda.take(10.2, 9) == Read(("/a",), "deployment_info of /a")
    assert agenda.next_at() == 60.0
    agenda.hear(Event("group_change_success", None), 10.5)  # the plan came before it
    assert agenda.take(10.5, 9) == Read(("/a",), "group_change_success of /a")
    agenda.hear(Event("group_change_success", None), 30.0)
    assert agenda.take(30.0 + PLAN_GRACE_S, 9).apps is None


def test_each_node_reads_everything_at_another_moment_and_none_later_than_the_period():
    drawn = iter((0.0, 1.0, 0.5))
    agenda = Agenda(period_s=60.0, draw=lambda: next(drawn))
    for earlier in (0.0, EARLIER, EARLIER / 2):
        began = agenda.next_at()
        assert agenda.take(began, 9).apps is None
        assert agenda.next_at() == began + 60.0 * (1 - earlier)


def test_after_a_failure_nothing_is_read_before_the_pause_is_over_but_for_a_new_stream(agenda):
    agenda.retry(15.0)
    agenda.hear(change("/a"), 11.0)
    assert agenda.next_at() == 15.0
    agenda.hear(Event("event_stream_attached", frozenset()), 12.0)
    assert agenda.take(12.0, 9).apps is None


def test_only_what_may_end_tasks_announces_that_they_are_gone(agenda):
    for kind, payload in (
        ("status_update_event", {"appId": "/ends", "taskStatus": "TASK_KILLED"}),
        ("status_update_event", {"appId": "/runs", "taskStatus": "TASK_RUNNING"}),
        ("health_status_changed_event", {"appId": "/ails", "alive": False}),
        ("instance_changed_event", {"runSpecId": "/lost", "condition": "Unreachable"}),
        ("instance_changed_event", {"runSpecId": "/begins", "condition": "Starting"}),
    ):
        agenda.hear(event(kind, json.dumps(payload)), 10.0)
    assert agenda.announced == {"/ends", "/lost"}
    assert agenda.named == {"/ends", "/runs", "/ails", "/lost", "/begins"}


EVENTS = {
    "status_update_event": ({"appId": "/a"}, {"/a"}),
    "instance_changed_event": ({"runSpecId": "/a", "condition": "Running"}, {"/a"}),
    "health_status_changed_event": ({"appId": "/a", "alive": True}, {"/a"}),
    "unknown_instance_terminated_event": ({"runSpecId": "/a"}, {"/a"}),
    "app_terminated_event": ({"appId": "a"}, {"/a"}),
    "api_post_event": ({"uri": "/v2/apps//a", "appDefinition": {"id": "/a"}}, {"/a"}),
    "deployment_info": ({"plan": {"steps": [{"actions": [{"app": "/a"}, {"pod": "/p"}]}]}}, {"/a"}),
    "deployment_success": ({"plan": {"steps": [[{"action": "Scale", "app": "/a"}]]}}, {"/a"}),
    "deployment_failed": ({"id": "x"}, None),
    "deployment_step_success": ({"plan": {"steps": []}, "currentStep": {"actions": [{"app": "/a"}]}}, {"/a"}),
    "group_change_success": ({"groupId": "/"}, None),
    "event_stream_attached": ({}, set()),
}


STOPPING = ("app_terminated_event", "deployment_info")
"""Those above that end an app, or do not say what they do to it."""


@pytest.mark.parametrize("action", ["StartApplication", "ScaleApplication", "RestartApplication"])
@pytest.mark.parametrize("key", ["action", "type"])
def test_no_deployment_but_a_stop_takes_an_app_off_the_list(agenda, action, key):
    actions = [{key: action, "app": "/stays"}, {key: "StopApplication", "app": "/goes"}]
    agenda.hear(event("deployment_success", json.dumps({"plan": {"steps": [{"actions": actions}]}})), 10.0)
    assert (agenda.announced, agenda.stopped) == ({"/stays", "/goes"}, {"/goes"})


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_names_its_apps(kind):
    payload, apps = EVENTS[kind]
    told = event(kind, json.dumps({**payload, "timestamp": "2021-03-01T12:00:03.118Z"}))
    may_end = "health" not in kind and payload.get("condition") != "Running"
    stopped = frozenset(apps) if kind in STOPPING else frozenset()
    assert told == Event(kind, None if apps is None else frozenset(apps), 1614600003.118, may_end, stopped)
    assert event("", json.dumps({**payload, "eventType": kind})).apps == told.apps


@pytest.mark.parametrize("kind", WANTED)
@pytest.mark.parametrize("data", ["", "null", "[]", "{}", '{"appId": 5}', '{"plan": 5, "timestamp": 5}', "["])
def test_an_event_that_cannot_be_read_may_concern_any_app(kind, data):
    told = event(kind, data)
    assert told.kind == kind
    assert told.apps is None or kind == "event_stream_attached"


@pytest.mark.parametrize("data", ["", "{}", "[" * 100_000, '{"eventType": null}', "\0"])
def test_an_event_without_a_kind_may_be_any(data):
    assert event("", data) == Event(UNREADABLE, None)


def test_kinds_of_no_interest_are_none():
    assert event("pod_created_event", "nonsense") is None
    assert event("", '{"eventType": "framework_message_event"}') is None


def test_recorded_plans_with_pods_are_read(payload):
    text = payload("events-1.7-pod-deployment.sse").decode()
    datas = [line.partition(": ")[2] for line in text.splitlines() if line.startswith("data")]
    told = [event("", data) for data in datas]
    assert any(one and one.kind.startswith("deployment") for one in told)
    assert all(one is None or one.apps is not None or one.kind == "group_change_success" for one in told)
