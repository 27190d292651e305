"""An agent that serves the page over real HTTP on loopback, with nodes that are told what to answer."""

from __future__ import annotations

import http.client
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from appliance import settings
from appliance.paths import Paths
from appliance.status import web
from appliance.status.page.live import Live

VIP = "192.0.2.250"
TOML = f"""
[vip]
address = "{VIP}"
interface = "eth0"
virtual_router_id = 250
[cluster]
address = "192.0.2.1"
nodes = [{{ name = "slave-1", address = "192.0.2.1" }}, {{ name = "slave-2", address = "192.0.2.2" }}]
[marathon]
urls = ["http://192.0.2.1:8080"]
"""


def facts(*, owner=False, reasons=(), since=1_000_000_000.0):
    """What a healthy node's agent answers at /status.json."""
    return {
        "role": "OWNER" if owner else "standby",
        "holds_vip": owner,
        "vips": [{"address": VIP, "holds": owner}],
        "version": "0.1.0",
        "priority": {"weight": 164},
        "health": {"verdict": "HEALTHY", "reasons": list(reasons)},
        "lb": {"apps": 2, "hash": "0123456789abcdef", "marathon": {"connected": True}},
        "vrrp": {"state": "MASTER", "state_since": since, "cause": "slave-2 gave it up"},
    }


@dataclass
class Nodes:
    """Answers instead of agents: `cluster.get`. What is not in `facts` does not answer."""

    facts: dict = field(default_factory=dict)
    events: dict = field(default_factory=dict)

    def get(self, address, path):
        if address not in self.facts:
            return {}, "its agent on port 9099 does not answer: refused"
        if path == "/status.json":
            return self.facts[address], ""
        return {"events": self.events.get(address, [])}, ""


@dataclass
class Agent:
    paths: Paths
    nodes: Nodes
    live: Live
    port: int

    def get(self, path, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer, body

    def page(self, path="/"):
        answer, body = self.get(path)
        assert answer.status == 200, body
        return body


@pytest.fixture
def paths():
    with tempfile.TemporaryDirectory(prefix="tp-", dir="/tmp") as short:  # for the path of a socket
        made = Paths(Path(short))
        for folder in (made.health_run, made.lb_run, made.keepalived_run, made.log, made.state):
            folder.mkdir(parents=True)
        yield made


@pytest.fixture
def agent(paths):
    wanted = settings.parse(TOML, "appliance.toml")
    nodes = Nodes({"192.0.2.1": facts(owner=True), "192.0.2.2": facts()})
    live = Live(paths, lambda: wanted, nodes.get)
    live.start()
    server = web.server(web.application(paths, lambda: wanted, live), address="127.0.0.1", port=0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Agent(paths, nodes, live, server.server_port)
    live.stop()
    server.shutdown()
    thread.join()
    server.server_close()
