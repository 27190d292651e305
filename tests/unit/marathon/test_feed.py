"""The picture follows what Marathon says, by event and by timer, and keeps what is too bad to be believed."""

from __future__ import annotations

import time

import pytest
from following import Following
from small_marathon import SmallMarathon

from appliance.marathon.agenda import FOLD_S
from appliance.marathon.store import Store


@pytest.fixture
def marathon():
    running = SmallMarathon()
    yield running
    running.close()


@pytest.fixture
def follow(marathon):
    running = []

    def start(*others, **how):
        running.append(Following(marathon.url, *others, **how))
        return running[-1]

    yield start
    for one in running:
        one.close()


@pytest.fixture
def following(marathon, follow):
    marathon.runs("/web", 1)
    marathon.runs("/db", 2)
    made = follow()
    made.until_ports(db=[2], web=[1])
    return made.settled(marathon)


def test_an_event_reads_the_one_app_it_names(marathon, following):
    following.settled(marathon)
    full = marathon.reads()
    marathon.runs("/web", 1, 3)
    marathon.runs("/db", 2, 4)
    marathon.touched("/web")
    following.until_ports(db=[2], web=[1, 3])
    assert marathon.reads() == full
    assert marathon.reads("/v2/apps/web?embed=app.tasks") == 1


def test_an_app_that_marathon_does_not_know_any_more_is_gone_at_once(marathon, following):
    del marathon.apps["/web"]
    marathon.touched("/web")
    following.until_ports(db=[2])


def test_a_404_that_is_not_about_the_app_removes_nothing(marathon, following):
    marathon.status = 404
    marathon.touched("/web")
    following.until(lambda: following.feed.error)
    assert "HTTP 404" in following.feed.error
    assert following.ports() == {"/db": [2], "/web": [1]}
    assert following.alarms() == ["marathon-away"]
    marathon.status = 200
    following.until(lambda: not following.feed.error)
    assert following.alarms() == []


def test_a_burst_is_read_at_once_and_then_folded(marathon, following):
    before, began = len(marathon.asked), time.monotonic()
    for port in range(3, 103):
        marathon.runs("/web", port)
        marathon.touched("/web")
    following.until_ports(db=[2], web=[102])
    assert len(marathon.asked) - before <= 2 + (time.monotonic() - began) / FOLD_S


def test_a_changed_group_is_read_by_the_plan_that_names_its_apps(marathon, following):
    following.settled(marathon)
    full = marathon.reads()
    plan = {"steps": [{"actions": [{"action": "StopApplication", "app": "/web"}]}], "version": "1"}
    marathon.event("deployment_info", plan=plan, currentStep={"actions": []})
    following.until(lambda: marathon.reads("/v2/apps/web?embed=app.tasks") == 1)
    del marathon.apps["/web"]
    marathon.event("group_change_success", groupId="/", version="1")
    following.until_ports(db=[2])
    assert marathon.reads() == full


def test_a_changed_group_without_a_plan_and_an_unreadable_event_read_everything(marathon, following):
    following.settled(marathon)
    full = marathon.reads()
    marathon.runs("/web", 5)
    marathon.event("group_change_success", groupId="/", version="1")
    following.until_ports(db=[2], web=[5])
    marathon.runs("/web", 6)
    marathon.event("status_update_event", appId=5)
    following.until_ports(db=[2], web=[6])
    assert marathon.reads() == full + 2
    assert following.feed.counts["unclear_events"] == 1


def test_a_new_stream_and_a_new_leader_read_everything(marathon, following):
    marathon.runs("/web", 7)
    marathon.drop_streams()
    following.until_ports(db=[2], web=[7])
    following.until(lambda: following.feed.counts["attached"] == 2)
    following.settled(marathon)
    marathon.leader = "http://other:8080"
    marathon.runs("/db", 8)
    marathon.touched("/web")
    following.until_ports(db=[8], web=[7])
    assert following.feed.facts()["leader"] == "http://other:8080"


def test_what_no_event_told_is_repaired_by_the_timer(marathon, follow):
    marathon.runs("/web", 1)
    following = follow(period_s=0.2)
    following.until_ports(web=[1])
    following.settled(marathon)
    marathon.runs("/web", 2)
    following.until_ports(web=[2])
    following.until(lambda: following.feed.counts["repaired"] == 1)


CHECKED = {"healthChecks": [{"protocol": "HTTP"}]}


def healthy(marathon, alive):
    marathon.runs("/web", 1, **CHECKED)
    marathon.apps["/web"]["tasks"][0]["healthCheckResults"] = [{"alive": alive}] if alive is not None else []


def alive(following):
    return [task.alive for task in following.feed.cluster().apps[0].tasks]


def test_health_is_kept_until_there_are_new_results(marathon, follow, tmp_path):
    healthy(marathon, alive=True)
    store = tmp_path / "picture.json"
    following = follow(store=Store(store))
    following.until(lambda: following.ports() and alive(following) == [(True,)])
    following.settled(marathon)
    healthy(marathon, alive=None)
    marathon.drop_streams()
    following.until(lambda: following.feed.counts["attached"] == 2)
    following.settled(marathon)
    assert alive(following) == [(True,)]
    following.close()

    again = follow(store=Store(store))  # also over our own restart
    again.until(again.ports)
    assert alive(again) == [(True,)]
    again.settled(marathon)
    healthy(marathon, alive=False)
    marathon.touched("/web")
    again.until(lambda: alive(again) == [(False,)])


def test_most_servers_gone_at_once_are_kept_until_time_has_shown_it(marathon, follow, caplog):
    for n in range(10):
        marathon.runs(f"/app-{n}", 100 + n)
    following = follow(hold_s=0.5, again_s=0.05)
    following.until(lambda: len(following.ports() or ()) == 10)
    following.settled(marathon)
    marathon.apps.clear()
    gone_at = time.monotonic()
    marathon.drop_streams()
    following.until(lambda: following.ports() == {})
    assert time.monotonic() - gone_at > 0.5
    assert "does not list 10 of 10 servers any more, all at once" in caplog.text
    assert following.alarms() == []


def test_haproxys_own_checks_confirm_it(marathon, follow):
    marathon.runs("/web", 1, 2, 3)
    asked = []
    following = follow(down=lambda places: asked.append(places) or True, again_s=0.05)
    following.until_ports(web=[1, 2, 3])
    following.settled(marathon)
    marathon.runs("/web", 3)
    marathon.drop_streams()
    following.until_ports(web=[3])
    assert {place.port for place in asked[0]} == {1, 2}
    assert following.feed.counts["full_reads"] >= 3


def test_apps_that_come_back_were_never_gone(marathon, follow):
    marathon.runs("/web", 1)
    following = follow(again_s=0.05)
    following.until_ports(web=[1])
    following.settled(marathon)
    apps, marathon.apps = marathon.apps, {}
    marathon.drop_streams()
    following.until(lambda: following.alarms() == ["marathon-shrunk"])
    assert following.ports() == {"/web": [1]}
    marathon.apps = apps
    following.until(lambda: following.alarms() == [])
    assert following.ports() == {"/web": [1]}


def test_what_events_announced_is_believed_at_once(marathon, follow):
    for n in range(30):
        marathon.runs(f"/app-{n}", 100 + n)
    following = follow()
    following.until(lambda: len(following.ports() or ()) == 30)
    following.settled(marathon)
    actions = [{"action": "StopApplication", "app": app_id} for app_id in marathon.apps]
    marathon.apps.clear()
    marathon.event("deployment_info", plan={"steps": [{"actions": actions}]}, currentStep={"actions": []})
    following.until(lambda: following.ports() == {}, within_s=30)
    assert following.alarms() == []


def test_apps_that_were_only_just_deployed_are_kept_as_well(marathon, follow):
    for n in range(30):
        marathon.runs(f"/app-{n}", 100 + n)
    following = follow()
    following.until(lambda: len(following.ports() or ()) == 30)
    following.settled(marathon)
    actions = [{"action": "ScaleApplication", "app": app_id} for app_id in marathon.apps]
    marathon.apps.clear()
    marathon.event("deployment_success", plan={"steps": [{"actions": actions}]})
    following.until(lambda: following.alarms() == ["marathon-shrunk"])
    assert len(following.ports()) == 30


def test_a_master_of_another_cluster_is_left_for_one_of_ours(marathon, follow):
    marathon.runs("/web", 1)
    ours = SmallMarathon()
    try:
        ours.runs("/web", 1)
        following = follow(ours.url)
        following.until_ports(web=[1])
        following.settled(marathon)
        marathon.framework_id = "framework-2"
        marathon.apps.clear()
        ours.runs("/web", 9)
        marathon.drop_streams()
        following.until_ports(web=[9])
        assert following.feed.facts()["url"] == ours.url
    finally:
        ours.close()


def test_a_master_of_another_cluster_cannot_say_that_an_app_is_gone(marathon, following):
    marathon.framework_id = "framework-2"
    del marathon.apps["/web"]
    marathon.touched("/web")
    following.until(lambda: "marathon-identity" in following.alarms())
    assert following.ports() == {"/db": [2], "/web": [1]}


def test_another_cluster_is_an_alarm_then_ours(marathon, follow, caplog):
    marathon.runs("/web", 1)
    following = follow(hold_s=0.5, again_s=0.05)
    following.until_ports(web=[1])
    following.settled(marathon)
    marathon.framework_id = "framework-2"
    marathon.runs("/web", 2)
    other_at = time.monotonic()
    marathon.drop_streams()
    following.until_ports(web=[2])
    assert time.monotonic() - other_at > 0.5
    assert "its apps are not served for" in caplog.text
    assert following.alarms() == ["marathon-adopted"]


def test_with_marathon_away_the_picture_on_disk_says_how_old_it_is(marathon, follow, tmp_path):
    marathon.runs("/web", 1)
    store = tmp_path / "picture.json"
    first = follow(store=Store(store))
    first.until_ports(web=[1])
    first.close()
    marathon.status = 503
    second = follow(store=Store(store))
    second.until(lambda: second.feed.error)
    assert (second.feed.source, second.feed.apps, second.ports()) == ("disk", 1, None)
    assert 0 < second.feed.picture_at <= first.feed.picture_at
    assert second.alarms() == ["marathon-away"]
    marathon.status = 200
    marathon.apps.clear()  # an emptied Marathon is not believed at a start either
    second.until(lambda: "marathon-shrunk" in second.alarms())
    assert second.ports() is None


def test_the_picture_is_right_while_events_flow_and_marathon_answers(marathon, following):
    feed = following.settled(marathon).feed
    following.until(lambda: feed.right_until == 0.0)
    before = time.time()
    marathon.status = 503
    marathon.touched("/web")
    following.until(lambda: feed.right_until >= before)
    marathon.status = 200
    following.until(lambda: feed.right_until == 0.0)
