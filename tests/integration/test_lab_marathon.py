"""The embedded Marathon, with real task processes on loopback addresses."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
import requests

from appliance import commands
from appliance.lab.marathon.server import Marathon
from appliance.marathon import wire

PATIENCE_S = 30.0
"""For what has to happen: far more than it takes, since the machine may be busy."""
NGINX = {
    "id": "nginx",
    "labels": {"HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": "nginx.marathon.mesos"},
    "cpus": 0.2,
    "mem": 20.0,
    "instances": 2,
    "healthChecks": [{"path": "/"}],
    "container": {
        "type": "DOCKER",
        "docker": {
            "image": "docker.io/nginx",
            "network": "BRIDGE",
            "portMappings": [{"containerPort": 80, "hostPort": 0, "servicePort": 80, "protocol": "tcp"}],
        },
    },
}
STUCK = {**NGINX, "id": "stuck", "instances": 4, "constraints": [["hostname", "UNIQUE"]]}
"""One instance more than there are agents, so its deployment stays open."""


class Client:
    """Calls a Marathon and waits for what it does."""

    def __init__(self, marathon):
        self.url = marathon.url
        self.session = requests.Session()

    def call(self, method, path, document=None, **query):
        return self.session.request(method, self.url + path, json=document, params=query, timeout=PATIENCE_S)

    def json(self, method, path, document=None, **query):
        answer = self.call(method, path, document, **query)
        assert answer.ok, answer.text
        return answer.json()

    def deploy(self, method, path, document=None, **query):
        """Make a change, wait until it is done; returns the events since, without their times."""
        before = len(self.events())
        answer = self.json(method, path, document, **query)
        until(lambda: not self.json("GET", "/v2/deployments"))
        return answer, self.events()[before:]

    def tasks(self, app_id="nginx"):
        return self.json("GET", f"/v2/apps/{app_id}/tasks")["tasks"]

    def events(self):
        return self.json("GET", "/_lab/log")["events"]


def until(condition, within_s=PATIENCE_S):
    deadline = time.monotonic() + within_s
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@contextmanager
def client_of(**options):
    with Marathon(**options) as marathon:
        client = Client(marathon)
        with client.session:
            yield client


@pytest.fixture
def client():
    with client_of() as made:
        yield made


def words(events, key=None):
    """Each event as a short word, as the tables of event sequences write it; `key` picks one instance."""
    short = []
    for each in events:
        kind = each["eventType"]
        if key and key not in (each.get("instanceId") or each.get("taskId") or ""):
            continue
        if kind == "status_update_event":
            short.append(f"SU({each['taskStatus']})")
        elif kind == "instance_changed_event":
            short.append(f"IC({each['condition']})")
        elif kind == "deployment_info":
            short.append(f"info({each['currentStep']['actions'][0]['action']})")
        else:
            short.append(kind)
    return short


def instances(events):
    return sorted({each["instanceId"] for each in events if each["eventType"] == "instance_changed_event"})


UP = [
    "IC(Scheduled)",
    "IC(Provisioned)",
    "SU(TASK_STAGING)",
    "SU(TASK_STARTING)",
    "IC(Starting)",
    "SU(TASK_RUNNING)",
    "IC(Running)",
    "health_status_changed_event",
    "instance_health_changed_event",
]
DOOMED = ["IC(Running)", "SU(TASK_KILLED)", "IC(Killed)"]
DEPLOYMENT = {"group_change_success", "api_post_event", "deployment_step_success", "deployment_success"}


def of_deployment(events):
    return [each for each in words(events) if each.startswith("info(") or each in DEPLOYMENT]


def test_create_starts_tasks_that_answer_where_they_are_announced(client):
    answer = client.call("POST", "/v2/apps", NGINX)
    assert answer.status_code == 201
    assert answer.json()["id"] == "/nginx"
    assert answer.json()["deployments"] == [{"id": answer.headers["Marathon-Deployment-Id"]}]
    assert not {"tasks", "versionInfo"} & set(answer.json())
    until(lambda: not client.json("GET", "/v2/deployments"))
    (app,) = client.json("GET", "/v2/apps", embed="apps.tasks")["apps"]
    assert (app["tasksRunning"], app["tasksHealthy"], len(app["tasks"])) == (2, 2, 2)
    assert len({task["host"] for task in app["tasks"]}) == 2
    for task in app["tasks"]:
        (port,) = task["ports"]
        assert 31000 <= port <= 32000
        assert task["servicePorts"] == []
        told = requests.get(f"http://{task['host']}:{port}/any?path", timeout=PATIENCE_S)
        who = {key: told.json()[key] for key in ("app", "task", "host", "port", "path")}
        assert who == {
            "app": "/nginx",
            "task": task["id"],
            "host": task["host"],
            "port": port,
            "path": "/any?path",
        }


def test_events_of_create(client):
    _, events = client.deploy("POST", "/v2/apps", NGINX)
    assert of_deployment(events) == [
        "group_change_success",
        "api_post_event",
        "info(StartApplication)",
        "deployment_step_success",
        "info(ScaleApplication)",
        "deployment_step_success",
        "deployment_success",
    ]
    assert words(events).count("add_health_check_event") == 1
    assert len(instances(events)) == 2
    for instance in instances(events):
        assert words(events, instance) == UP


def test_events_of_scaling(client):
    client.deploy("POST", "/v2/apps", NGINX)
    scaling = ["group_change_success", "api_post_event", "info(ScaleApplication)"]
    done = ["deployment_step_success", "deployment_success"]
    before = client.json("GET", "/v2/apps/nginx")["app"]

    _, up = client.deploy("PUT", "/v2/apps/nginx", {"instances": 5})
    assert of_deployment(up) == [*scaling, *done]
    assert [words(up, each) for each in instances(up)] == [UP] * 3
    after = client.json("GET", "/v2/apps/nginx")["app"]
    assert after["versionInfo"]["lastConfigChangeAt"] == before["versionInfo"]["lastConfigChangeAt"]

    _, down = client.deploy("PUT", "/v2/apps/nginx", {"instances": 2})
    assert of_deployment(down) == [*scaling, *done]
    assert [words(down, each) for each in instances(down)] == [DOOMED] * 3
    kept = {task["id"] for task in client.tasks()}
    assert kept == {task["id"] for task in before["tasks"]}, "the youngest go first"


@pytest.mark.parametrize("change", ["labels", "restart"])
def test_events_of_a_rolling_change(client, change):
    client.deploy("POST", "/v2/apps", NGINX)
    old = {task["id"].rpartition("._app")[0] for task in client.tasks()}
    if change == "labels":
        _, events = client.deploy("PUT", "/v2/apps/nginx", {"labels": {"HAPROXY_GROUP": "other"}})
    else:
        _, events = client.deploy("POST", "/v2/apps/nginx/restart")
    assert "info(RestartApplication)" in words(events)
    for instance in instances(events):
        assert words(events, instance) == (DOOMED if instance in old else UP)
    assert not old & {task["id"].rpartition("._app")[0] for task in client.tasks()}
    # As many healthy ones as asked for, all the time: an old one is only chosen after a new one is healthy.
    healthy = {*old}
    for each in events:
        if each["eventType"] == "instance_health_changed_event":
            healthy.add(each["instanceId"])
        if each["eventType"] == "instance_changed_event" and each["condition"] == "Killed":
            healthy.discard(each["instanceId"])
        assert len(healthy) >= 2


def test_a_deleted_app_vanishes_at_once_and_without_api_post_event(client):
    client.deploy("POST", "/v2/apps", {**NGINX, "taskKillGracePeriodSeconds": 3600})
    tasks = client.tasks()
    for task in tasks:
        client.call("POST", "/_lab/crash", task=task["id"], signal="STOP")
    before = len(client.events())
    client.json("DELETE", "/v2/apps/nginx")
    assert client.json("GET", "/v2/apps")["apps"] == []
    assert client.json("GET", "/v2/deployments"), "its tasks hang, so they are not dead"
    for task in tasks:
        client.call("POST", "/_lab/crash", task=task["id"], signal="CONT")
    until(lambda: not client.json("GET", "/v2/deployments"))
    events = client.events()[before:]
    assert words(events)[:3] == ["group_change_success", "info(StopApplication)", "remove_health_check_event"]
    assert words(events)[-3:] == ["app_terminated_event", "deployment_step_success", "deployment_success"]
    assert [words(events, each) for each in instances(events)] == [DOOMED] * 2
    assert "api_post_event" not in words(events)


def test_a_killed_task_comes_back_as_the_next_incarnation(client):
    client.deploy("POST", "/v2/apps", NGINX)
    task = client.tasks()[0]
    before = len(client.events())
    assert client.json("DELETE", f"/v2/apps/nginx/tasks/{task['id']}")["task"]["id"] == task["id"]
    successor = task["id"].replace("._app.1", "._app.2")
    again = until(
        lambda: [each for each in client.tasks() if each["id"] == successor and each["healthCheckResults"]]
    )
    assert again[0]["ports"] != task["ports"]
    events = client.events()[before:]
    assert words(events, task["id"].rpartition("._app")[0]) == ["SU(TASK_KILLED)", "IC(Killed)", *UP]
    assert not of_deployment(events)


def test_a_killed_task_with_scale_does_not_come_back(client):
    client.deploy("POST", "/v2/apps", NGINX)
    going, staying = (task["id"] for task in client.tasks())
    _, events = client.deploy("POST", "/v2/tasks/delete", {"ids": [going]}, scale="true")
    assert "info(ScaleApplication)" in words(events)
    assert [task["id"] for task in client.tasks()] == [staying]
    assert client.json("GET", "/v2/apps/nginx")["app"]["instances"] == 1


def test_a_crashed_task_comes_back_after_the_backoff_on_a_new_port(client):
    client.deploy("POST", "/v2/apps", {**NGINX, "instances": 1, "backoffSeconds": 0.3})
    (task,) = client.tasks()
    before = len(client.events())
    client.json("POST", "/_lab/crash", task=task["id"])
    (again,) = until(
        lambda: [each for each in client.tasks() if each["healthCheckResults"] and each["id"] != task["id"]]
    )
    assert again["ports"] != task["ports"]
    events = client.events()[before:]
    assert words(events) == ["SU(TASK_FAILED)", "IC(Failed)", *UP]
    assert events[0]["message"] == "Container exited with status 137"
    failure = client.json("GET", "/v2/apps/nginx")["app"]["lastTaskFailure"]
    assert (failure["taskId"], failure["state"]) == (task["id"], "TASK_FAILED")


def test_an_unhealthy_task_is_announced_then_killed(client):
    check = {"path": "/", "intervalSeconds": 0.1, "timeoutSeconds": 2, "maxConsecutiveFailures": 2}
    client.deploy("POST", "/v2/apps", {**NGINX, "instances": 1, "healthChecks": [check]})
    (task,) = client.tasks()
    before = len(client.events())
    client.json("POST", "/_lab/crash", task=task["id"], signal="STOP")
    successor = task["id"].replace("._app.1", "._app.2")
    until(lambda: [each for each in client.tasks() if each["id"] == successor and each["healthCheckResults"]])
    assert words(client.events()[before:])[:7] == [
        "failed_health_check_event",
        "health_status_changed_event",
        "instance_health_changed_event",
        "failed_health_check_event",
        "unhealthy_instance_kill_event",
        "SU(TASK_KILLED)",
        "IC(Killed)",
    ]


def test_a_second_change_waits_or_is_forced(client):
    client.json("POST", "/v2/apps", STUCK)
    until(lambda: sum(bool(task["healthCheckResults"]) for task in client.tasks("stuck")) == 3)
    assert [each["count"] for each in client.json("GET", "/v2/queue")["queue"]] == [1]
    (deployment,) = client.json("GET", "/v2/deployments")
    assert (deployment["affectedApps"], deployment["totalSteps"]) == (["/stuck"], 2)
    refused = client.call("PUT", "/v2/apps/stuck", {"instances": 3})
    assert refused.status_code == 409
    assert "<DEPLOYMENT_ID>" in refused.json()["message"]
    assert refused.json()["deployments"] == [{"id": deployment["id"]}]
    _, events = client.deploy("PUT", "/v2/apps/stuck", {"instances": 3}, force="true")
    assert words(events)[0] == "deployment_failed"
    assert len(client.tasks("stuck")) == 3


def test_a_deployment_can_be_rolled_back(client):
    client.json("POST", "/v2/apps", STUCK)
    (deployment,) = client.json("GET", "/v2/deployments")
    client.deploy("DELETE", f"/v2/deployments/{deployment['id']}")
    assert client.json("GET", "/v2/apps")["apps"] == []


@pytest.mark.parametrize(
    ("call", "body", "status", "message"),
    [
        ("POST /v2/apps", "{", 400, "Invalid JSON"),
        ("POST /v2/apps", "[]", 400, "Invalid JSON"),
        ("POST /v2/apps", '{"id": 1}', 400, "Invalid JSON"),
        ("POST /v2/apps", '{"id": "A_B", "cmd": "x"}', 422, "Object is not valid"),
        ("POST /v2/apps", '{"id": "nginx", "cmd": "x"}', 409, "An app with id [/nginx] already exists."),
        ("GET /v2/apps/none", None, 404, "App '/none' does not exist"),
        ("DELETE /v2/apps/none", None, 404, "App '/none' does not exist"),
        ("POST /v2/apps/none/restart", None, 404, "App '/none' does not exist"),
        ("GET /v2/apps/none/tasks", None, 404, "App '/none' does not exist"),
        ("DELETE /v2/apps/nginx/tasks/none", None, 404, "Task 'none' does not exist"),
        ("DELETE /v2/deployments/none", None, 404, "DeploymentPlan none does not exist"),
        ("GET /nowhere", None, 404, "URI not found: nowhere"),
        (
            "POST /v2/tasks/delete?scale=true&wipe=true",
            '{"ids": []}',
            400,
            "You cannot use scale and wipe at the same time.",
        ),
    ],
)
def test_refusals_are_json_with_a_message(client, call, body, status, message):
    client.json("POST", "/v2/apps", {"id": "nginx", "cmd": "x", "instances": 0})
    method, path = call.split()
    json_type = {"Content-Type": "application/json"}
    answer = client.session.request(
        method, client.url + path, data=body, headers=json_type, timeout=PATIENCE_S
    )
    assert answer.status_code == status
    assert answer.json()["message"] == message


def test_a_wrong_method_or_content_type_is_refused_with_a_page(client):
    wrong_method = client.call("DELETE", "/v2/apps")
    wrong_type = client.session.post(f"{client.url}/v2/apps", data={"id": "a"}, timeout=PATIENCE_S)
    assert (wrong_method.status_code, wrong_type.status_code) == (405, 415)
    assert wrong_method.headers["Content-Type"].startswith("text/html")


def test_an_id_may_be_a_path_and_put_creates_and_patches(client):
    created = client.call("PUT", "/v2/apps/group/sub/web", {"cmd": "serve", "instances": 1, "ports": [0]})
    assert created.status_code == 201
    until(lambda: not client.json("GET", "/v2/deployments"))
    client.deploy("PATCH", "/v2/apps//group/sub/web", {"instances": 2})
    app = client.json("GET", "/v2/apps//group/sub/web")["app"]
    assert (app["cmd"], app["instances"], app["portDefinitions"][0]["port"]) == ("serve", 2, 10000)
    assert len(client.tasks("group/sub/web")) == 2
    (group,) = client.json("GET", "/v2/groups")["groups"]
    assert group["groups"][0]["apps"][0]["id"] == "/group/sub/web"
    newest, oldest = client.json("GET", "/v2/apps/group/sub/web/versions")["versions"]
    assert newest > oldest
    assert client.json("GET", f"/v2/apps/group/sub/web/versions/{oldest}")["instances"] == 1
    client.deploy("PUT", "/v2/apps", [{"id": "/group/sub/web", "instances": 0}])
    assert client.tasks("group/sub/web") == []


def test_the_small_endpoints_and_headers_of_the_leader(client):
    answer = client.call("GET", "/ping")
    assert (answer.text, answer.headers["X-Marathon-Leader"]) == ("pong", client.url)
    assert answer.headers["Cache-Control"] == "no-cache, no-store, must-revalidate"
    assert client.json("GET", "/v2/leader") == {"leader": urlsplit(client.url).netloc}
    info = client.json("GET", "/v2/info")
    assert (info["name"], info["elected"]) == ("marathon", True)
    client.deploy("POST", "/v2/apps", NGINX)
    assert [task["servicePorts"] for task in client.json("GET", "/v2/tasks")["tasks"]] == [[80], [80]]


def test_both_dialects_mean_the_same_picture():
    host = {"id": "host", "cmd": "serve", "instances": 1, "ports": [0, 8000]}
    pictures = []
    for dialect in ("new", "old"):
        with client_of(dialect=dialect) as client:
            client.deploy("POST", "/v2/apps", NGINX)
            client.deploy("POST", "/v2/apps", {**NGINX, "id": "nginx2"})
            client.deploy("POST", "/v2/apps", host)
            body = client.call("GET", "/v2/apps", embed="apps.tasks").content
        assert (b'"networks"' in body) == (dialect == "new")
        assert (b'"portMappings":null' in body, b'"ipAddress":null' in body) == (False, dialect == "old")
        cluster = wire.apps(body)
        assert not cluster.unreadable
        pictures.append([
            (
                app.id,
                app.labels,
                app.ports,
                app.health_checks,
                [(len(task.endpoints), task.state, task.alive) for task in app.tasks],
            )
            for app in cluster.apps
        ])  # fmt: skip
    assert pictures[0] == pictures[1]
    assert [len(picture[-1]) for picture in pictures[0]] == [1, 2, 2]


@pytest.fixture
def stream():
    """Open event streams by raw sockets; closed at the end."""
    opened = []

    def connect(url, request):
        address = urlsplit(url)
        connection = socket.create_connection((address.hostname, address.port), PATIENCE_S)
        opened.append(connection)
        connection.sendall(request)
        return connection

    yield connect
    for connection in opened:
        connection.close()


GET_EVENTS = b"GET /v2/events%s HTTP/1.1\r\nHost: marathon\r\nAccept: text/event-stream\r\n\r\n"


def read_until(connection, end):
    received = b""
    while not received.endswith(end):
        data = connection.recv(1)
        assert data, f"closed after {received!r}"
        received += data
    return received


def test_the_stream_byte_by_byte(stream):
    with client_of(heartbeat_s=0.2) as client:
        connection = stream(
            client.url, GET_EVENTS % b"?event_type=event_stream_attached&event_type=app_terminated_event"
        )
        head = read_until(connection, b"\r\n\r\n").decode()
        assert head.startswith("HTTP/1.1 200 OK\r\n")
        assert "\r\nConnection: close\r\n" in head
        assert "\r\nContent-Type: text/event-stream;charset=utf-8\r\n" in head
        assert "Transfer-Encoding" not in head
        assert "Content-Length" not in head
        event, data, end = read_until(connection, b"\r\n\r\n").split(b"\r\n", 2)
        assert (event, end) == (b"event: event_stream_attached", b"\r\n")
        payload = json.loads(data[len(b"data: ") :])
        assert list(payload) == ["remoteAddress", "eventType", "timestamp"]
        assert payload["remoteAddress"] == "127.0.0.1"
        assert read_until(connection, b"\r\n") == b"\r\n", "a heartbeat"
        client.deploy("POST", "/v2/apps", {"id": "a", "cmd": "x", "instances": 0})
        client.deploy("DELETE", "/v2/apps/a")
        frame = read_until(connection, b"}\r\n\r\n").lstrip(b"\r\n")
        assert frame.startswith(b'event: app_terminated_event\r\ndata: {"appId":"/a","eventType":')


def test_the_heartbeat_is_a_cr_and_then_an_lf(stream):
    with client_of(heartbeat_s=0.1) as client:
        connection = stream(client.url, GET_EVENTS % b"?event_type=none")
        read_until(connection, b"\r\n\r\n")
        received = b"".join(connection.recv(65536) for _ in range(6))
        assert received == (b"\r\n" * len(received))[: len(received)]


def test_detached_streams_are_announced(client, stream):
    stream(client.url, GET_EVENTS % b"").close()
    with client_of(heartbeat_s=0.05) as other:
        connection = stream(other.url, GET_EVENTS % b"")
        read_until(connection, b"}\r\n\r\n")
        connection.close()
        until(lambda: "event_stream_detached" in words(other.events()))


@pytest.mark.parametrize("accept", ["", "Accept: */*\r\n", "Accept: text/event-stream, */*\r\n"])
def test_another_accept_header_is_not_allowed(client, stream, accept):
    request = f"GET /v2/events HTTP/1.1\r\nHost: marathon\r\n{accept}Connection: close\r\n\r\n"
    head = read_until(stream(client.url, request.encode()), b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 405 ")
    assert b"Content-Type: text/html" in head


def test_a_reader_that_does_not_read_is_cut_off(client, stream):
    connection = stream(client.url, GET_EVENTS % b"")
    read_until(connection, b"\r\n\r\n")
    labels = {f"label-{n}": "x" * 1000 for n in range(100)}
    client.json("POST", "/v2/apps", {"id": "big", "cmd": "x", "instances": 0, "labels": labels})

    def cut_off():
        for _ in range(50):
            client.json("PUT", "/v2/apps/big", {"instances": 0}, force="true")
        return "event_stream_detached" in words(client.events())

    until(cut_off, within_s=4 * PATIENCE_S)


def test_streams_end_and_nothing_answers_after_stop(stream):
    marathon = Marathon()
    marathon.start()
    client = Client(marathon)
    with client.session:
        try:
            connection = stream(marathon.url, GET_EVENTS % b"")
            client.deploy("POST", "/v2/apps", NGINX)
            task = client.tasks()[0]
        finally:
            marathon.stop()
        while connection.recv(65536):
            pass
        with pytest.raises(requests.ConnectionError):
            client.call("GET", "/ping")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((task["host"], task["ports"][0]), 5)


def test_credentials_are_asked_for_everywhere():
    with client_of(credentials="user:secret", mesos_credentials="user:secret") as client:
        for path in ("/ping", "/v2/apps", "/v2/events"):
            answer = client.call("GET", path)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == 'basic realm="Mesosphere"'
            assert answer.headers["Content-Type"].startswith("text/html")
            assert (
                requests.get(client.url + path, auth=("user", "wrong"), timeout=PATIENCE_S).status_code == 401
            )
        assert requests.get(f"{client.url}/v2/apps", auth=("user", "secret"), timeout=PATIENCE_S).json() == {
            "apps": []
        }


def test_the_mesos_master_names_the_agents():
    with Marathon(mesos_credentials="user:secret") as marathon:
        assert requests.get(f"{marathon.mesos_url}/slaves", timeout=PATIENCE_S).status_code == 401
        for path in ("/master/slaves", "/slaves"):
            answer = requests.get(
                marathon.mesos_url + path, auth=("user", "secret"), timeout=PATIENCE_S
            ).json()
            pids = [slave["pid"] for slave in answer["slaves"]]
            assert pids == [f"slave(1)@{agent.address}:5051" for agent in marathon.agents]
        state = requests.get(
            f"{marathon.mesos_url}/master/state", auth=("user", "secret"), timeout=PATIENCE_S
        ).json()
        assert state["frameworks"][0]["webui_url"] == marathon.url


def test_the_tutorials_curl_call(client, tmp_path):
    for name in ("nginx", "nginx2"):
        document = tmp_path / f"{name}.json"
        document.write_text(json.dumps({**NGINX, "id": name}, indent=2))
        netloc = urlsplit(client.url).netloc
        done = commands.run(
            [
                "curl",
                "-sS",
                "-i",
                "-H",
                "Content-Type: application/json",
                f"{netloc}/v2/apps",
                f"-d@{document}",
            ]
        )
        assert done.output.startswith("HTTP/1.1 201 Created\r\n"), done.message
    until(lambda: not client.json("GET", "/v2/deployments"))
    apps = client.json("GET", "/v2/apps", embed="apps.tasks")["apps"]
    assert sorted(app["id"] for app in apps) == ["/nginx", "/nginx2"]
    assert [app["container"]["portMappings"][0]["servicePort"] for app in apps] == [80, 80]


@pytest.fixture
def program(tmp_path):
    """Start the program with a configuration; returns the process and where Marathon listens."""
    started = []

    def start(agents):
        address = f"127.32.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"  # nobody else listens there
        with socket.socket() as free, socket.socket() as free_too:
            free.bind((address, 0))
            free_too.bind((address, 0))
            port, mesos_port = free.getsockname()[1], free_too.getsockname()[1]
        config = tmp_path / "marathon.json"
        options = {"address": address, "port": port, "mesos_port": mesos_port, "agents": agents}
        config.write_text(json.dumps(options))
        python = [os.sys.executable, "-m", "appliance.lab.marathon", "--config", config]
        process = commands.start(python, stdout=commands.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process, f"http://{address}:{port}"

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def running_tasks(url, count):
    tasks = requests.get(f"{url}/v2/tasks?status=running", timeout=PATIENCE_S).json()["tasks"]
    return tasks if len(tasks) == count else None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_task_outlives_the_program(program, number):
    process, url = program([{"name": "one", "address": f"127.31.{os.getpid() % 250}.1"}])
    requests.post(f"{url}/v2/apps", json=NGINX, timeout=PATIENCE_S)
    tasks = until(lambda: running_tasks(url, 2))
    process.send_signal(number)
    assert process.wait(PATIENCE_S) == (0 if number == signal.SIGTERM else -number)

    def refused():
        with socket.socket() as connection:
            return connection.connect_ex((tasks[0]["host"], tasks[0]["ports"][0])) != 0

    until(refused)


def test_a_wrong_configuration_is_one_line(tmp_path):
    config = tmp_path / "marathon.json"
    config.write_text('{"address": "127.0.0.1", "agents": [], "colour": 1}')
    done = commands.run([os.sys.executable, "-m", "appliance.lab.marathon", "--config", config])
    assert done.code == 1
    assert done.errors.count("\n") == 1
    assert "colour" in done.errors


@pytest.mark.usefixtures("root")
def test_tasks_run_inside_their_agents_network_namespace(program):
    name = f"tm{os.getpid()}"
    assert commands.run(["ip", "netns", "add", name]).code == 0
    try:
        commands.run(["ip", "-n", name, "link", "set", "lo", "up"])
        process, url = program([{"name": "one", "address": "127.0.0.1", "netns": name}])
        requests.post(
            f"{url}/v2/apps", json={**NGINX, "instances": 1, "healthChecks": []}, timeout=PATIENCE_S
        )
        (task,) = until(lambda: running_tasks(url, 1))
        address = f"http://127.0.0.1:{task['ports'][0]}/"
        inside = commands.run(["ip", "netns", "exec", name, "curl", "-sS", address])
        assert json.loads(inside.output)["task"] == task["id"]
        assert commands.run(["curl", "-sS", address]).code != 0, "it must not listen outside"
        process.terminate()
        process.wait(10)
    finally:
        commands.run(["ip", "netns", "del", name])
