"""What operators and tools ask of the simulated Marathon beside creating and listing apps."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest
from simulator import PATIENCE_S, WEB, RawStream, simulated, until

from appliance.marathon import wire


@pytest.fixture
def client():
    with simulated() as made:
        yield made


def kinds_of(events, task=""):
    """Each event as a short word; `task` picks those of one instance."""
    short = []
    for each in events:
        named = str(each.get("instanceId") or each.get("taskId") or "")
        if task in named:
            more = each.get("taskStatus") or each.get("condition")
            short.append(f"{each['eventType'].rpartition('_')[0]}({more})" if more else each["eventType"])
    return short


def test_apps_are_filtered_by_id_cmd_and_label(client):
    for name, cmd, labels in (
        ("one", "serve --port 1", {"tier": "web", "live": "yes"}),
        ("group/two", "SERVE", {"tier": "db"}),
        ("three", "sleep", {}),
    ):
        client.deploy("POST", "/v2/apps", {"id": name, "cmd": cmd, "labels": labels})

    def ids(query):
        return sorted(app["id"] for app in client.json("GET", f"/v2/apps?{query}")["apps"])

    assert ids("id=ONE") == ["/one"]
    assert ids("cmd=serve") == ["/group/two", "/one"]
    assert ids("label=tier==web") == ["/one"]
    assert ids("label=tier") == ["/group/two", "/one"]
    assert ids("label=tier!=web,live") == []
    assert ids("label=tier in (web, db),live==yes") == ["/one"]
    assert ids("label=tier notin (web)") == ["/group/two", "/three"]
    assert client.call("GET", "/v2/apps?label=((").status_code == 400
    below = client.json("GET", "/v2/apps/group/*?embed=apps.tasks")
    assert [(app["id"], len(app["tasks"])) for app in below["*"]] == [("/group/two", 1)]
    assert client.call("GET", "/v2/apps/none/*").status_code == 404


def test_groups_are_put_scaled_and_deleted_without_api_post_events(client):
    document = {"id": "/shop", "apps": [{"id": "web", "cmd": "x"}], "groups": [{"id": "db", "apps": []}]}
    document["groups"][0]["apps"].append({"id": "/shop/db/main", "cmd": "y", "instances": 2})
    assert set(client.deploy("PUT", "/v2/groups", document)) == {"version", "deploymentId"}
    assert sorted(app["id"] for app in client.apps()) == ["/shop/db/main", "/shop/web"]
    group = client.json("GET", "/v2/groups/shop")
    assert ([app["id"] for app in group["apps"]], group["groups"][0]["id"]) == (["/shop/web"], "/shop/db")
    client.deploy("PUT", "/v2/groups/shop", {"scaleBy": 2})
    assert client.app("shop/db/main")["instances"] == 4
    client.deploy("PUT", "/v2/groups/shop", {"apps": [{"id": "web", "cmd": "z"}]})
    assert [app["id"] for app in client.apps()] == ["/shop/web"]
    assert client.call("POST", "/v2/groups", {"id": "shop"}).status_code == 409
    client.deploy("DELETE", "/v2/groups/shop")
    assert client.apps() == []
    assert client.call("DELETE", "/v2/groups/shop").status_code == 404
    assert "api_post_event" not in kinds_of(client.events())


def test_a_delayed_launch_can_be_let_go(client):
    client.deploy("POST", "/v2/apps", {"id": "web", "cmd": "x", "backoffSeconds": 3600})
    (task,) = client.app()["tasks"]
    client.control("POST", f"crash?task={task['id']}")
    (queued,) = client.json("GET", "/v2/queue")["queue"]
    assert (queued["count"], queued["delay"]["overdue"]) == (1, False)
    assert queued["delay"]["timeLeftSeconds"] > 200
    assert client.call("DELETE", "/v2/queue//web/delay").status_code == 204
    until(lambda: client.app()["tasksRunning"] == 1)
    assert client.json("GET", "/v2/queue") == {"queue": []}


def test_a_lost_agents_tasks_are_replaced_and_end_when_it_is_back(client):
    document = {**WEB, "unreachableStrategy": {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0}}
    client.deploy("POST", "/v2/apps", document)
    task = client.app()["tasks"][0]
    agent = next(each for each in client.marathon.agents if each.address == task["host"])
    instance = task["id"].rpartition("._app")[0]
    before = len(client.events())
    client.control("POST", "agents", {"agent": agent.name, "lost": True})
    registered = client.session.get(f"{client.marathon.mesos_url}/slaves", timeout=PATIENCE_S).json()[
        "slaves"
    ]
    assert agent.name not in {each["hostname"] for each in registered}
    until(lambda: client.app()["tasksHealthy"] == 2)
    until(lambda: task["id"] not in {each["id"] for each in client.app()["tasks"]})
    client.control("POST", "agents", {"agent": agent.name, "lost": False})
    assert kinds_of(client.events()[before:], instance) == [
        "status_update(TASK_UNREACHABLE)",
        "instance_changed(Unreachable)",
        "instance_changed(UnreachableInactive)",
        "unknown_instance_terminated(Killed)",
    ]
    assert client.control("POST", "agents", {"agent": "nobody"}).status_code == 404


def test_an_agent_that_is_back_soon_keeps_its_tasks(client):
    client.deploy("POST", "/v2/apps", {**WEB, "unreachableStrategy": "disabled"})
    before = {task["id"] for task in client.app()["tasks"]}
    for lost in (True, False):
        for agent in client.marathon.agents:
            client.control("POST", "agents", {"agent": agent.name, "lost": lost})
        state = "TASK_UNREACHABLE" if lost else "TASK_RUNNING"
        assert {task["id"]: task["state"] for task in client.app()["tasks"]} == dict.fromkeys(before, state)
    assert client.app()["tasksRunning"] == 2


def test_real_tasks_of_a_lost_agent_outlive_its_absence_but_not_marathon():
    with simulated(processes=True) as client:
        client.deploy("POST", "/v2/apps", {**WEB, "instances": 1})
        (task,) = client.app()["tasks"]
        url = f"http://{task['host']}:{task['ports'][0]}/"
        agent = next(each for each in client.marathon.agents if each.address == task["host"])
        client.control("POST", "agents", {"agent": agent.name, "lost": True})
        until(lambda: task["id"] not in {each["id"] for each in client.app()["tasks"]})
        assert client.session.get(url, timeout=PATIENCE_S).json()["task"] == task["id"]
        client.control("POST", "agents", {"agent": agent.name, "lost": False})
        until(lambda: refused(client, url))


def refused(client, url):
    try:
        client.session.get(url, timeout=PATIENCE_S)
    except OSError:
        return True
    return False


@pytest.mark.parametrize("processes", [True, False])
def test_health_is_what_the_operator_says(processes):
    with simulated(processes=processes) as client:
        client.deploy("POST", "/v2/apps", WEB)
        task = client.app()["tasks"][0]
        instance = task["id"].rpartition("._app")[0]
        before = len(client.events())
        client.control("POST", "health", {"task": task["id"], "alive": False})
        until(lambda: client.app()["tasksUnhealthy"] == 1)
        client.control("POST", "health", {"task": task["id"], "alive": None})
        until(lambda: client.app()["tasksHealthy"] == 2)
        assert kinds_of(client.events()[before:], instance) == [
            "failed_health_check_event",
            "health_status_changed_event",
            "instance_health_changed_event",
            "health_status_changed_event",
            "instance_health_changed_event",
        ]
        assert client.control("POST", "health", {"task": "none", "alive": True}).status_code == 404
        assert client.control("POST", "health", {"task": task["id"], "alive": 1}).status_code == 400


def test_with_the_task_killing_feature_a_kill_is_announced():
    with simulated(task_killing=True) as client:
        client.deploy("POST", "/v2/apps", {**WEB, "instances": 1})
        (task,) = client.app()["tasks"]
        before = len(client.events())
        client.json("DELETE", f"/v2/apps/web/tasks/{task['id']}")
        words = kinds_of(client.events()[before:], task["id"].rpartition("._app")[0])
        assert words[:4] == [
            "status_update(TASK_KILLING)",
            "instance_changed(Killing)",
            "status_update(TASK_KILLED)",
            "instance_changed(Killed)",
        ]
        assert client.json("GET", "/v2/info")["marathon_config"]["features"] == ["task_killing"]


def test_scale_mode_is_quick_to_change_and_its_list_is_always_right():
    with simulated(scale=(300, 3)) as client:
        cluster = wire.apps(client.call("GET", "/v2/apps?embed=apps.tasks").content)
        assert (len(cluster.apps), sum(len(app.tasks) for app in cluster.apps)) == (300, 900)
        places = {(task["host"], *task["ports"]) for app in client.apps() for task in app["tasks"]}
        assert len(places) == 900, "no two tasks at one place"
        with RawStream(client.marathon.url) as stream:
            stream.event()
            moved = client.control("POST", "churn", {"app": "/scale-7"}).json()
            assert [moved["host"], *moved["ports"]] not in [list(place) for place in places]
            types = [stream.event()["eventType"] for _ in range(9)]
            assert types[:2] == ["status_update_event", "instance_changed_event"]
        sick = client.control("POST", "churn", {"app": "scale-7", "how": "health"}).json()
        assert sick["healthy"] is False
        assert client.apps() == client.marathon.truth()["apps"]
        assert client.app("scale-7")["tasksUnhealthy"] == 1
        assert client.control("POST", "scale", {"apps": 310, "tasks": 1}).json() == {"apps": 310}
        client.deploy("PUT", "/v2/apps/scale-9", {"instances": 5})
        client.deploy("DELETE", "/v2/apps/scale-8")
        assert client.apps() == client.marathon.truth()["apps"]
        assert len(client.app("scale-9")["tasks"]) == 5
        assert client.control("POST", "churn", {"app": "none"}).status_code == 404
        assert client.control("POST", "scale", {"apps": "many"}).status_code == 400


def test_the_page_lists_apps_and_creates_one_from_pasted_json(client):
    for path in ("/", "/ui/"):
        page = client.call("GET", path)
        assert "No app yet." in page.text
    made = client.call("POST", "/ui/apps", data={"json": json.dumps(WEB)})
    assert (made.status_code, made.headers["Location"]) == (303, "/ui/")
    until(
        lambda: (
            "<td>/web</td><td>2 of 2</td><td>2 healthy, 0 unhealthy</td>" in client.call("GET", "/ui/").text
        )
    )
    assert "api_post_event" in kinds_of(client.events())


@pytest.mark.parametrize(
    ("given", "status", "why"),
    [
        ("{", 400, "Invalid JSON"),
        ('{"id": "<script>alert(1)</script>", "cmd": "x"}', 422, "must fully match"),
        ('</textarea><script src="//x">', 400, "Invalid JSON"),
    ],
)
def test_the_page_says_why_an_app_is_refused_and_keeps_what_was_typed(client, given, status, why):
    page = client.call("POST", "/ui/apps", data={"json": given})
    assert page.status_code == status
    assert why in page.text
    assert "<script" not in page.text
    assert given.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;") in page.text


def test_the_pages_policy_allows_its_own_style_and_nothing_else(client):
    page = client.call("GET", "/ui/")
    policy = page.headers["Content-Security-Policy"]
    (style,) = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'")


def test_a_form_is_only_taken_by_the_page(client):
    assert client.call("POST", "/v2/apps", data={"json": "{}"}).status_code == 415
