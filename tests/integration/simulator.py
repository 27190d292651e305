"""Clients of the simulated Marathon that see it as it is on the wire."""

from __future__ import annotations

import json
import socket
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import requests

from appliance.lab.marathon.election import Timing
from appliance.lab.marathon.server import Marathon

PATIENCE_S = 30.0
"""For what has to happen: far more than it takes, since the machine may be busy."""
QUICK = Timing(
    session_s=0.15, election_s=0.15, wait_s=PATIENCE_S / 2, connect_s=PATIENCE_S, read_s=PATIENCE_S
)
WEB = {
    "id": "web",
    "instances": 2,
    "container": {"docker": {"image": "x", "network": "BRIDGE", "portMappings": [{"containerPort": 80}]}},
    "labels": {"HAPROXY_GROUP": "external"},
    "healthChecks": [{"path": "/", "maxConsecutiveFailures": 0}],
}


def until(condition, within_s=PATIENCE_S):
    deadline = time.monotonic() + within_s
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


class Client:
    """Calls a Marathon; `control` speaks to its control port."""

    def __init__(self, marathon):
        self.marathon = marathon
        self.session = requests.Session()

    def call(self, method, path, document=None, *, master=0, **options):
        given = {"timeout": PATIENCE_S, "allow_redirects": False, **options}
        url = self.marathon.urls[master] + path
        return self.session.request(method, url, json=document, **given)

    def json(self, method, path, document=None, **options):
        answer = self.call(method, path, document, **options)
        assert answer.ok, answer.text
        return answer.json()

    def control(self, method, path, document=None):
        url = f"{self.marathon.control_url}/_lab/{path}"
        return self.session.request(method, url, json=document, timeout=PATIENCE_S)

    def deploy(self, method, path, document=None):
        made = self.json(method, path, document)
        until(lambda: not self.json("GET", "/v2/deployments"))
        return made

    def apps(self, **options):
        return self.json("GET", "/v2/apps?embed=apps.tasks", **options)["apps"]

    def app(self, app_id="web"):
        return self.json("GET", f"/v2/apps/{app_id}")["app"]

    def events(self):
        return self.control("GET", "log").json()["events"]

    def led_by(self, number):
        until(lambda: self.marathon.leader_url == self.marathon.urls[number])


@contextmanager
def simulated(**options):
    """A Marathon whose tasks are no processes, with quick elections, and a client of it."""
    given = {"processes": False, "timing": QUICK, "recheck_s": 0.05, "heartbeat_s": 5.0, **options}
    with Marathon(**given) as marathon:
        client = Client(marathon)
        with client.session:
            yield client


class RawStream:
    """An event stream by socket, its answer's head read."""

    def __init__(self, url, query=""):
        address = urlsplit(url)
        self.connection = socket.create_connection((address.hostname, address.port), PATIENCE_S)
        request = f"GET /v2/events{query} HTTP/1.1\r\nHost: marathon\r\nAccept: text/event-stream\r\n\r\n"
        self.connection.sendall(request.encode())
        self.received = bytearray()
        self.head = self.until(b"\r\n\r\n").decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def until(self, end, within_s=PATIENCE_S):
        """All up to and with `end`."""
        self.connection.settimeout(within_s)
        while end not in self.received:
            data = self.connection.recv(65536)
            assert data, f"closed after {self.received[-200:]!r}"
            self.received += data
        found, _, self.received = self.received.partition(end)
        return bytes(found) + end

    def event(self):
        """The next event's JSON, as Marathon frames it."""
        frame = self.until(b"\r\n\r\n").lstrip(b"\r\n")
        return json.loads(frame.partition(b"\r\ndata: ")[2])

    def read_until(self, true, within_s=PATIENCE_S):
        """Go on reading until `true(received)`; the stream stays open."""
        deadline = time.monotonic() + within_s
        while not true(bytes(self.received)):
            assert self.end(within_s=0.05) is None, "it ended"
            assert time.monotonic() < deadline, f"only {len(self.received)} bytes came"

    def end(self, within_s=PATIENCE_S):
        """How the connection ended: "FIN" or "RST"; None when it is open and silent for so long."""
        deadline = time.monotonic() + within_s
        try:
            while (left := deadline - time.monotonic()) > 0:
                self.connection.settimeout(left)
                data = self.connection.recv(65536)
                if not data:
                    return "FIN"
                self.received += data
        except socket.timeout:
            return None
        except ConnectionResetError:
            return "RST"
        return None
