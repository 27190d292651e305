"""The deployment that this appliance replaces, statement by statement, on the lab's real engines.

Three slaves, one Marathon on the master, and the tutorial's two nginx apps: same virtual host, same
service port 80, two instances each.
"""

from __future__ import annotations

import json
from collections import Counter

import pytest

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
NGINX2 = {**NGINX, "id": "nginx2"}


def with_changes(app_id, labels=None, service_port=None, **changes):
    """The tutorial's document with another id, other labels or another service port."""
    app = json.loads(json.dumps({**NGINX, "id": app_id, **changes}))
    if labels is not None:
        app["labels"] = labels
    if service_port is not None:
        app["container"]["docker"]["portMappings"][0]["servicePort"] = service_port
    return app


def answers(lab, url="/", host="", count=40):
    """How often each task answered `count` requests; anything but a 200 counts under its status."""
    seen = Counter()
    for _ in range(count):
        answer = lab.get(url, host)
        seen[answer.json()["task"] if answer.status == 200 else answer.status] += 1
    return seen


def task_ids(lab, *app_ids):
    return {task["id"] for app_id in app_ids for task in lab.tasks(app_id)}


def wait_for_tasks(lab, *app_ids, url="/", host="", timeout_s=20):
    """Wait until exactly the running tasks of these apps answer."""
    lab.wait(
        f"the tasks of {app_ids} and no others answer on {url} for host '{host}'",
        lambda: set(answers(lab, url, host, 24)) == task_ids(lab, *app_ids),
        timeout_s,
    )


def wait_for_deployments(lab):
    deployments = f"{lab.topology.marathon}/v2/deployments"
    lab.wait("no app is locked by a deployment", lambda: lab.get(deployments).json() == [])


@pytest.fixture
def deploy(lab):
    """Posts apps as the tutorial does; deletes them again and waits until the VIP forgot them."""
    posted = []

    def post(*apps):
        for app in apps:
            posted.append(app["id"])
            lab.deploy(app)

    yield post
    for app_id in posted:
        if app_id in lab.app_ids():
            lab.delete(app_id)
    lab.wait("no route is left", lambda: lab.get("/").status == 503)
    wait_for_deployments(lab)


@pytest.fixture
def both(lab, deploy):
    deploy(NGINX, NGINX2)
    wait_for_tasks(lab, "nginx", "nginx2")
    wait_for_deployments(lab)


def test_an_app_is_created_by_the_tutorials_curl_call_from_a_file_of_several_lines(lab, deploy, tmp_path):
    deploy()
    document = tmp_path / "docker_nginx.json"
    document.write_text(json.dumps(NGINX, indent=2))
    posted = lab.exec(
        "client",
        *["curl", "-i", "-H", "Content-Type: application/json"],
        f"{lab.topology.marathon}/v2/apps".removeprefix("http://"),
        f"-d@{document}",
    )
    try:
        assert "201 Created" in posted.output
        wait_for_tasks(lab, "nginx")
        assert len(task_ids(lab, "nginx")) == 2
    finally:
        lab.delete("nginx")


@pytest.mark.usefixtures("both")
def test_port_80_without_a_special_host_balances_over_the_four_tasks_of_both_apps(lab):
    share = answers(lab, count=200)
    assert set(share) == task_ids(lab, "nginx", "nginx2")
    assert all(25 <= count <= 75 for count in share.values()), share


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("host", ["nginx.marathon.mesos", "NGINX.Marathon.Mesos", "nginx.marathon.mesos:80"])
def test_the_virtual_host_reaches_all_four_tasks(lab, host):
    assert set(answers(lab, host=host)) == task_ids(lab, "nginx", "nginx2")


@pytest.mark.usefixtures("both")
def test_the_virtual_host_is_published_on_443_too(lab):
    asked = [
        lab.get(
            "https://nginx.marathon.mesos/",
            "",
            *["--insecure", "--resolve", f"nginx.marathon.mesos:443:{lab.vip}"],
        )
        for _ in range(40)
    ]
    assert {answer.json()["task"] for answer in asked} == task_ids(lab, "nginx", "nginx2")


@pytest.mark.usefixtures("both")
def test_every_node_runs_the_load_balancer_whichever_holds_the_vip(lab):
    for slave in lab.topology.slaves:
        lab.wait(
            f"{slave.name} serves all four",
            lambda url=f"http://{slave.address}/": set(answers(lab, url)) == task_ids(lab, "nginx", "nginx2"),
        )


def test_a_service_port_answers_on_the_load_balancers_node_wherever_the_task_runs(lab, deploy):
    deploy(with_changes("web", {"HAPROXY_GROUP": "external"}, 10004, instances=1))
    for slave in lab.topology.slaves:
        wait_for_tasks(lab, "web", url=f"http://{slave.address}:10004/")
    assert lab.get("/").status == 503, "port 80 belongs to virtual hosts and to services on port 80"


def test_service_port_0_is_chosen_by_marathon_and_the_host_is_published_on_80(lab, deploy):
    labels = {"HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": "zero.example.com"}
    deploy(with_changes("zero", labels, 0, instances=1))
    wait_for_tasks(lab, "zero", host="zero.example.com")
    app = lab.get(f"{lab.topology.marathon}/v2/apps/zero").json()["app"]
    port = app["container"]["portMappings"][0]["servicePort"]
    assert 10000 <= port <= 20000
    assert set(answers(lab, f"http://{lab.vip}:{port}/", count=4)) == task_ids(lab, "zero")


def test_an_app_without_the_group_label_or_of_another_group_is_not_served(lab, deploy):
    deploy(
        with_changes("none", {"HAPROXY_0_VHOST": "none.example.com"}, 10005, instances=1),
        with_changes("inner", {"HAPROXY_GROUP": "internal"}, 10006, instances=1),
        with_changes("outer", {"HAPROXY_GROUP": "external"}, 10007, instances=1),
    )
    wait_for_tasks(lab, "outer", url=f"http://{lab.vip}:10007/")
    assert lab.get("/", "none.example.com").status == 503
    for port in (10005, 10006):
        assert lab.get(f"http://{lab.vip}:{port}/").status == 0, "nothing listens there"


@pytest.mark.parametrize(
    ("path", "content_type", "words"),
    [
        ("/haproxy?stats", "text/html", "Statistics Report"),
        ("/haproxy?stats;csv", "text/plain", "nginx_80,182_48_115"),
        ("/_haproxy_health_check", "text/html", "200 OK"),
        ("/_haproxy_getconfig", "text/plain", "backend nginx2_80"),
        ("/_haproxy_getpids", "text/plain", ""),
    ],
)
@pytest.mark.usefixtures("both")
def test_the_five_pages_answer_on_9090_of_each_node(lab, path, content_type, words):
    words = words.replace("182_48_115", "_".join(lab.vip.split(".")[:3]))
    for slave in lab.topology.slaves:
        answer = lab.get(f"http://{slave.address}:9090{path}")
        assert answer.status == 200
        assert answer.headers["content-type"].startswith(content_type)
        assert words in answer.body
    if path.endswith("getpids"):
        assert all(pid.isdigit() for pid in answer.body.split())
        assert len(answer.body.split()) >= 2


@pytest.mark.usefixtures("both")
def test_the_configuration_holds_the_backends_of_the_tutorial(lab):
    config = lab.get(f"http://{lab.vip}:9090/_haproxy_getconfig").body
    for app_id in ("nginx", "nginx2"):
        section = config.partition(f"\nbackend {app_id}_80\n")[2].partition("\nbackend ")[0]
        assert "balance roundrobin" in section
        assert "option forwardfor" in section
        assert "timeout check 20s" in section
        servers = [line.split() for line in section.splitlines() if line.startswith("  server ")]
        expected = {f"{task['host']}:{task['ports'][0]}" for task in lab.tasks(app_id)}
        assert {words[2] for words in servers} == expected
        for words in servers:
            assert words[1] == words[2].replace(".", "_").replace(":", "_")
            assert "check inter 60s fall 4" in " ".join(words)
    binds = [
        line for line in config.splitlines() if line.strip().startswith("bind ") and ":80 " in line + " "
    ]
    assert len(binds) == 1, "one listener on port 80, however many services claim it"


@pytest.mark.usefixtures("both")
def test_scaling_changes_the_shares(lab):
    lab.scale("nginx", 3)
    lab.wait("three tasks", lambda: len(lab.tasks("nginx")) == 3)
    wait_for_tasks(lab, "nginx", "nginx2")
    nginx = task_ids(lab, "nginx")
    share = answers(lab, count=300)
    assert 140 <= sum(count for task, count in share.items() if task in nginx) <= 220, share


@pytest.mark.usefixtures("both")
def test_a_deleted_app_is_gone_without_any_restart(lab):
    pids = {
        slave.name: lab.exec(slave.name, "pgrep", "-o", "haproxy").output for slave in lab.topology.slaves
    }
    lab.delete("nginx2")
    wait_for_tasks(lab, "nginx")
    lab.wait(
        "its backend is gone from every node's configuration",
        lambda: all(
            "nginx2_80" not in lab.get(f"http://{slave.address}:9090/_haproxy_getconfig").body
            for slave in lab.topology.slaves
        ),
    )
    now = {slave.name: lab.exec(slave.name, "pgrep", "-o", "haproxy").output for slave in lab.topology.slaves}
    assert now == pids, "the same HAProxy masters as before"


@pytest.mark.usefixtures("both")
def test_an_app_without_tasks_answers_503_and_the_other_app_takes_its_share(lab):
    lab.scale("nginx", 0)
    wait_for_tasks(lab, "nginx2")
    lab.scale("nginx2", 0)
    lab.wait("503 on the open port", lambda: lab.get("/", "nginx.marathon.mesos").status == 503)


@pytest.mark.usefixtures("both")
def test_the_arguments_of_the_tutorial_are_taken_with_every_repeated_master(lab, tmp_path):
    config = tmp_path / "haproxy.cfg"
    down = "http://127.0.0.1:9"
    done = lab.exec(
        "client",
        *["appliance-lb", "once", "-m", down, "-m", lab.topology.marathon, "--group", "external"],
        *["--haproxy-config", config, "--command", "true"],
    )
    assert done.code == 0, done.errors
    checked = lab.exec("client", "haproxy", "-c", "-f", config)
    assert checked.code == 0
    assert "WARNING" not in checked.output + checked.errors
    assert "backend nginx2_80" in config.read_text()


@pytest.mark.usefixtures("both")
def test_load_balancers_of_other_groups_serve_other_apps(lab):
    done = lab.exec(
        "client", "appliance-lb", "once", "-m", lab.topology.marathon, "--group", "internal", "--dry"
    )
    assert done.code == 0, done.errors
    assert "nginx_80" not in done.output


@pytest.mark.usefixtures("both")
def test_the_vip_leaves_a_node_whose_load_balancer_died_and_no_client_needs_to_know(lab):
    owner = lab.wait_healthy()
    with lab.load() as load:
        lab.fault("kill-haproxy", owner.name)
        heir = lab.wait("another owner", lambda: (now := lab.owner()) and now != owner and now)
        lab.wait("answers again", lambda: lab.get("/").status == 200)
        requests, summary = load.stop()
    assert heir.name != owner.name
    assert summary.requests - summary.failed > 0
    assert requests[-1].outcome == "ok"
    lab.wait_healthy()


@pytest.mark.usefixtures("both")
def test_a_drained_owner_loses_no_request(lab):
    owner = lab.wait_healthy()
    try:
        with lab.load() as load:
            drained = lab.exec(owner.name, "appliance", "drain", "--reason", "a test")
            assert drained.code == 0, drained.errors
            assert lab.owner() not in (None, owner)
            _, summary = load.stop()
        assert summary.failed == 0, summary
    finally:
        lab.exec(owner.name, "appliance", "undrain")
    lab.wait("the preferred node has it back", lambda: lab.owner() == owner)


@pytest.mark.usefixtures("both")
def test_one_bad_label_hurts_only_its_own_app(lab, deploy):
    labels = {"HAPROXY_GROUP": "external", "HAPROXY_0_PATH": "/a\n  http-request deny"}
    deploy(with_changes("bad", labels, 10008, instances=1), with_changes("good", None, 10009, instances=1))
    wait_for_tasks(lab, "good", url=f"http://{lab.vip}:10009/")
    for slave in lab.topology.slaves:
        lab.wait(
            f"{slave.name} names the app that it left out",
            lambda slave=slave: [q["app_id"] for q in lab.status(slave)["lb"]["quarantined"]] == ["/bad"],
        )
