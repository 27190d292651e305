"""Blue/green: two apps are one, and as many old tasks rest as new ones took over."""

from __future__ import annotations

import pytest

from appliance.marathon.model import App, HealthCheck, Port, Task
from appliance.services.deployment_groups import members

CHECK = HealthCheck("HTTP", "/", 0, None, 60, 20, 3)
PREFIX = "HAPROXY_DEPLOYMENT_"


def app(app_id, tasks, started="2024-01-01T10:00:00", *, instances=None, alive=True, scaled="", **labels):
    named = {f"{PREFIX}{key.upper()}": value for key, value in labels.items()}
    return App(
        app_id,
        {f"{PREFIX}GROUP": "shop", f"{PREFIX}STARTED_AT": started, **named},
        (Port(10001),),
        (CHECK,),
        tuple(Task(name, (), "TASK_RUNNING", (alive,)) for name in tasks),
        instances=len(tasks) if instances is None else instances,
        last_scaling_at=scaled,
    )


def merged(*apps):
    alone, (member,), refused = members(apps)
    assert (alone, refused) == ((), [])
    return member


def test_an_app_without_a_group_stands_alone():
    web = App("/web", {}, (), (), ())
    assert members((web,)) == ((web,), [], [])


def test_the_merged_app_has_the_groups_name_the_old_ones_labels_and_all_tasks():
    old = app("/shop-blue", ["b1", "b2"], color="blue")
    new = app("/shop-green", ["g1"], "2024-01-02T10:00:00", color="green")
    member = merged(new, old)
    assert member.app.id == "/shop"
    assert member.app.labels == old.labels
    assert [task.id for task in member.app.tasks] == ["b1", "b2", "g1"]


@pytest.mark.parametrize(
    ("old_tasks", "new_tasks", "target", "drained"),
    [
        (3, 1, "3", ["b0"]),  # 1 + 3 - 3
        (3, 2, "3", ["b0", "b1"]),
        (3, 3, "3", ["b0", "b1", "b2"]),
        (3, 0, "3", []),
        (2, 4, "4", ["b0", "b1"]),
        (1, 1, "5", []),
    ],
)
def test_as_many_rest_as_the_target_allows(old_tasks, new_tasks, target, drained):
    old = app("/shop-blue", [f"b{n}" for n in range(old_tasks)])
    new = app(
        "/shop-green",
        [f"g{n}" for n in range(new_tasks)],
        "2024-01-02T10:00:00",
        new_instances="0",
        target_instances=target,
    )
    assert sorted(merged(old, new).drained) == drained


def test_without_new_instances_the_target_is_one():
    old, new = app("/shop-blue", ["b1", "b2"]), app("/shop-green", ["g1"], "2024-01-02T10:00:00")
    assert merged(old, new).drained == {"b1"}


def test_only_new_tasks_that_are_healthy_count():
    old = app("/shop-blue", ["b1", "b2"])
    new = app("/shop-green", ["g1", "g2"], "2024-01-02T10:00:00", alive=False)
    assert merged(old, new).drained == frozenset()


@pytest.mark.parametrize(("new_instances", "old"), [("0", "/blue"), ("2", "/green")])
def test_old_and_new_change_places_for_a_rollback_only(new_instances, old):
    blue = app("/blue", ["b"], scaled="2024-01-05T00:00:00Z", colour="/blue")
    green = app(
        "/green",
        ["g"],
        "2024-01-02T10:00:00",
        scaled="2024-01-04T00:00:00Z",
        new_instances=new_instances,
        target_instances="1",
        colour="/green",
    )
    assert merged(blue, green).app.labels[f"{PREFIX}COLOUR"] == old


def test_a_missing_date_is_the_oldest_and_of_equally_old_ones_the_first_is_new():
    assert merged(app("/a", ["a"], ""), app("/b", ["b"])).app.labels[f"{PREFIX}STARTED_AT"] == ""
    first, second = app("/a", ["a"], colour="x"), app("/b", ["b"], colour="y")
    assert merged(first, second).app.labels[f"{PREFIX}COLOUR"] == "y"


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({"started_at": "yesterday"}, "'yesterday' is no date"),
        ({"new_instances": "x"}, "NEW_INSTANCES: 'x' is not a whole number"),
        ({"new_instances": "1"}, "TARGET_INSTANCES: is missing"),
        ({"group": "a b"}, "'a b' is no name of an app"),
        ({"group": "a\nb"}, "control character"),
    ],
)
def test_a_wrong_label_costs_its_group_and_nobody_else(labels, reason):
    bad = app("/bad", ["a"], "2024-01-02T10:00:00", **labels)
    other = app("/bad-too", ["b"], **({"group": labels["group"]} if "group" in labels else {}))
    web = App("/web", {}, (), (), ())
    alone, groups, refused = members((bad, other, web))
    assert (alone, groups) == ((web,), [])
    assert {entry.app_id for entry in refused} == {"/bad", "/bad-too"}
    assert all(reason in entry.reason for entry in refused)


def test_a_group_may_not_take_an_apps_name():
    alone, groups, refused = members((app("/blue", ["b"]), App("/shop", {}, (), (), ())))
    assert ([one.id for one in alone], groups) == (["/shop"], [])
    assert "there is another app /shop" in refused[0].reason
