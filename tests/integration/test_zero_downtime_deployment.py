"""A blue/green deployment, driven as marathon-lb's script drives it, under traffic that must not notice."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest
from netns import Namespace
from zdd_client import Zdd

from appliance import commands

BIN = Path(sys.executable).parent
MARATHON, LB = ("127.0.0.1", 8080), ("127.0.0.1", 9090)
APP = {
    "id": "/shop",
    "instances": 3,
    "cpus": 0.1,
    "mem": 16,
    "ports": [10050],
    "requirePorts": False,
    "cmd": "serve",
    "healthChecks": [
        {"protocol": "HTTP", "path": "/", "portIndex": 0, "intervalSeconds": 1, "gracePeriodSeconds": 5}
    ],
    "labels": {
        "HAPROXY_GROUP": "external",
        "HAPROXY_0_VHOST": "shop.example",
        "HAPROXY_DEPLOYMENT_GROUP": "shop",
        "HAPROXY_DEPLOYMENT_ALT_PORT": "10051",
    },
}


@pytest.fixture
def namespace(root):  # noqa: ARG001 - asks for root
    """Where a Marathon with three agents and `appliance-lb run` run."""
    namespace, folder = Namespace(), Path(tempfile.mkdtemp(prefix="tr-", dir="/tmp"))
    running = []
    try:
        agents = [{"name": f"127.20.0.{n}", "address": f"127.20.0.{n}"} for n in (1, 2, 3)]
        config = folder / "marathon.json"
        config.write_text(json.dumps({"address": MARATHON[0], "port": MARATHON[1], "agents": agents}))
        lb = [BIN / "appliance-lb", "run", "sse", "--marathon", f"http://{MARATHON[0]}:{MARATHON[1]}"]
        with (folder / "log").open("ab") as log:
            programs = (
                [sys.executable, "-m", "appliance.lab.marathon", "--config", config],
                [*lb, "--group", "external"],
            )
            running += [
                namespace.start(argv, stdout=log, stderr=commands.STDOUT, cwd=folder) for argv in programs
            ]
        yield namespace
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait(40)
        namespace.close()
        shutil.rmtree(folder)


class Traffic:
    """Asks for the shop's page again and again, and counts who answered."""

    def __init__(self, namespace):
        self.counted, self._stop = Counter(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(namespace,))
        self._thread.start()

    def _run(self, namespace):
        namespace._enter()
        while not self._stop.is_set():
            self.counted[answer()] += 1
            time.sleep(0.005)

    def stop(self):
        self._stop.set()
        self._thread.join(10)
        return self.counted


def answer():
    connection = HTTPConnection("127.0.0.1", 80, timeout=10)
    try:
        connection.request("GET", "/", headers={"Host": "shop.example"})
        return connection.getresponse().status
    except (OSError, HTTPException) as error:
        return str(error)
    finally:
        connection.close()


def until(true, timeout_s=60):
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ready(zdd, count):
    """Whether `count` servers are up in the backend that the script looks at."""
    try:
        found = zdd.servers("shop_10050") or []
    except OSError:
        return False
    return [server["status"] for server in found] == ["UP"] * count


def test_a_new_version_takes_over_task_by_task_and_no_request_fails(namespace):
    zdd = Zdd(MARATHON, LB)

    def first():
        until(lambda: answer() == 503)
        assert zdd.deploy(APP) == "/shop-blue"
        until(lambda: ready(zdd, 3) and answer() == 200)

    namespace.connect(first)
    traffic = Traffic(namespace)
    try:
        assert namespace.connect(lambda: zdd.deploy({**APP, "cmd": "serve anew"})) == "/shop-green"
        namespace.connect(lambda: until(lambda: ready(zdd, 3)))
    finally:
        counted = traffic.stop()
    assert set(counted) == {200}
    assert len(zdd.drained) == 3
    apps = namespace.connect(lambda: zdd.ask("GET", "/v2/apps")["apps"])
    assert [(app["id"], app["instances"]) for app in apps] == [("/shop-green", 3)]
    assert apps[0]["portDefinitions"][0]["port"] == 10051
