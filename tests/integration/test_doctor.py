"""`appliance doctor` against the lab's Marathon, as it is and as it should not be."""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from appliance import commands
from appliance.cli import appliance
from appliance.errors import MarathonError
from appliance.lab.marathon.server import Marathon
from appliance.marathon import failing
from appliance.marathon.access import Access
from appliance.marathon.client import Client


@pytest.fixture
def doctor(capsys):
    def run(*words):
        code = appliance.main(["--root", "/tmp/th-no-node", "doctor", *map(str, words)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_what_is_wrong_is_said_once():
    command = Path(sys.prefix) / "bin/appliance"
    done = commands.run([command, "--root", "/tmp/th-no-node", "doctor", "--marathon", "http://127.0.0.1:9"])
    assert (done.code, done.errors) == (1, "")
    assert "refuses the connection" in done.output


@pytest.mark.parametrize("flavour", ["1.4", "1.6", "1.8"])
def test_a_marathon_of_any_age_is_as_relied_on(doctor, tmp_path, flavour):
    file = tmp_path / "credentials"
    file.write_text("joe:s3cret\n")
    file.chmod(0o600)
    with Marathon(
        credentials="joe:s3cret", flavours=flavour, processes=False, scale=(3, 2), heartbeat_s=0.2
    ) as marathon:
        code, out, _ = doctor("--marathon", marathon.url, "--credentials-file", file)
        assert code == 0, out
        assert "3 apps, 6 tasks" in out
        assert "event_stream_attached" in out
        assert "DIFFERENT" not in out

        code, out, _ = doctor("--marathon", marathon.url)
        assert code == 1
        assert "it wants credentials, and none are given" in out


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        ("portal", "the answer is HTML"),
        ("apps-null", "holds no list 'apps'"),
        ("stream-eof", "ended the event stream"),
        ("content-unreadable", "apps["),
    ],
)
def test_each_difference_is_a_line(doctor, kind, complaint):
    with Marathon(processes=False, scale=(2, 1), heartbeat_s=0.2) as marathon:
        marathon.inject(kind)
        code, out, err = doctor("--marathon", marathon.url)
    assert (code, err) == (1, "")
    assert any(complaint in line and "DIFFERENT" in line for line in out.splitlines()), out


def test_masters_of_several_clusters_are_told(doctor):
    small = {"processes": False, "scale": (1, 1), "heartbeat_s": 0.2}
    with Marathon(**small) as one, Marathon(**small) as other:
        other.inject("other-cluster", path="/v2/info")
        code, out, _ = doctor("--marathon", one.url, other.url)
    assert code == 1
    assert any("the masters are of several clusters" in line for line in out.splitlines()), out


@pytest.mark.parametrize(
    ("served", "asked", "cure"), [(True, "http", "is it https://?"), (False, "https", "use http://")]
)
def test_a_url_of_the_wrong_scheme_is_told_with_its_cure(doctor, served, asked, cure):
    with Marathon(tls=served, processes=False) as marathon:
        code, out, err = doctor("--marathon", f"{asked}://{marathon.url.partition('://')[2]}")
    assert (code, err) == (1, "")
    assert cure in out


def test_it_changes_nothing(doctor):
    with Marathon(processes=False, scale=(2, 1), heartbeat_s=0.2) as marathon:
        before = marathon.truth()
        assert doctor("--marathon", marathon.url)[0] == 0
        assert marathon.truth() == before


def test_without_a_marathon_it_says_what_to_give(doctor):
    code, _, err = doctor()
    assert (code, "give --marathon URL" in err) == (64, True)
    code, _, err = doctor("--marathon", "ftp://x")
    assert (code, len(err.splitlines())) == (1, 1)


def test_a_wrong_scheme_is_said_in_one_line():
    with Marathon(tls=True, processes=False) as marathon:
        plain = marathon.url.replace("https://", "http://")
        with pytest.raises(MarathonError, match=r"is it https://\?"):
            Client(Access([plain])).cluster()
        with pytest.raises(MarathonError, match="name its CA with --marathon-ca-cert"):
            Client(Access([marathon.url])).cluster()
        assert Client(Access([marathon.url], ca_cert=str(marathon.ca_cert))).cluster().apps == ()
        assert Client(Access([marathon.url], verify=False)).cluster().apps == ()
    with Marathon(processes=False) as marathon:
        secure = marathon.url.replace("http://", "https://")
        with pytest.raises(MarathonError, match="speaks no TLS on this port; use http://"):
            Client(Access([secure])).cluster()


class Mesos(BaseHTTPRequestHandler):
    def do_GET(self):
        agents = [
            {"hostname": "slave-1", "pid": "slave(1)@10.0.0.1:5051", "active": True},
            {"hostname": "slave-2", "pid": "slave(1)@10.0.0.2:5051", "active": False},
        ]
        body = json.dumps({"slaves": agents}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_agents_that_the_mesos_master_lists_as_inactive_are_named(doctor):
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), Mesos) as mesos,
        Marathon(processes=False, heartbeat_s=0.2) as marathon,
    ):
        threading.Thread(target=mesos.serve_forever, daemon=True).start()
        code, out, _ = doctor("--marathon", marathon.url, "--mesos", f"http://127.0.0.1:{mesos.server_port}")
        mesos.shutdown()
    assert code == 2
    assert "lists 2 agents" in out
    assert [line.split()[1] for line in out.splitlines() if "INACTIVE" in line] == ["slave-2"]


def test_apps_whose_tasks_keep_failing_are_named_with_the_last_failure():
    queue = {
        "queue": [
            {"app": {"id": "/bad"}, "count": 1, "delay": {"timeLeftSeconds": 38, "overdue": False}},
            {"app": {"id": "/waits"}, "count": 1, "delay": {"timeLeftSeconds": 0, "overdue": True}},
            {"app": {"id": "/new"}, "count": 1, "delay": {"timeLeftSeconds": 5, "overdue": False}},
            "?",
        ]
    }
    last = {
        "state": "TASK_FAILED",
        "host": "slave-1",
        "timestamp": "2026-01-01T00:00:00Z",
        "message": "exited\n1",
    }
    assert list(failing.lines(queue, {"apps": [{"id": "/bad", "lastTaskFailure": last}]})) == [
        "/bad is tried again in 38 s; TASK_FAILED on slave-1 at 2026-01-01T00:00:00Z: exited 1",
        "/new is tried again in 5 s",
    ]
    for wrong in ({}, {"queue": None}, {"queue": [{"app": 1, "delay": []}]}):
        assert list(failing.lines(wrong, {"apps": None})) == []


def test_an_app_that_crashed_and_waits_for_its_next_try_is_named(doctor):
    with Marathon(processes=False, heartbeat_s=0.2) as marathon:
        app = {"id": "/bad", "cmd": "x", "cpus": 0.1, "mem": 16, "instances": 1, "backoffSeconds": 3600}
        requests.post(f"{marathon.url}/v2/apps", json=app, timeout=10).raise_for_status()
        deadline = time.monotonic() + 30
        while not (tasks := requests.get(f"{marathon.url}/v2/tasks", timeout=10).json()["tasks"]):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        crash = f"{marathon.url}/_lab/crash?task={tasks[0]['id']}"
        while requests.post(crash, timeout=10).status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        while "FAILING" not in (told := doctor("--marathon", marathon.url))[1]:
            assert time.monotonic() < deadline, told
    assert told[0] == 2
    (line,) = (line for line in told[1].splitlines() if "FAILING" in line)
    assert line.split()[1] == "/bad"
    assert "TASK_FAILED" in line
