"""The client and the event stream against the embedded Marathon and its real tasks."""

from __future__ import annotations

import queue

import pytest
import requests

from appliance.errors import MarathonError
from appliance.lab.marathon.server import Marathon
from appliance.marathon.access import Access, Credentials
from appliance.marathon.client import Client
from appliance.marathon.watch import Watch
from appliance.services.translate import Selection, translate

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
JOE = Credentials("joe", "s3cret")


@pytest.fixture(params=["new", "old"])
def marathon(request):
    with Marathon(credentials="joe:s3cret", dialect=request.param, heartbeat_s=0.1) as running:
        yield running


def servers(client):
    """The servers of nginx as they would be served now; empty while there is no such app."""
    balancer = translate(client.cluster(), Selection(("external",)), {}).load_balancer
    return {(server.address, server.port) for backend in balancer.backends for server in backend.servers}


def call(marathon, method, path, document=None):
    answer = requests.request(method, marathon.url + path, json=document, auth=("joe", "s3cret"), timeout=30)
    assert answer.ok, answer.text


def test_each_change_is_told_and_the_read_after_it_is_the_truth(marathon):
    client = Client(Access([marathon.url], JOE))
    changed = queue.Queue()
    lost = queue.Queue()
    watch = Watch(
        Access([marathon.url], JOE), on_event=changed.put, on_attached=changed.put, on_lost=lost.put
    )

    def served_when(count):
        """Read after every event, and only then, until this many tasks serve."""
        while True:
            found = servers(client)
            if len(found) == count:
                return found
            changed.get(timeout=30)

    watch.start()
    try:
        assert changed.get(timeout=30) == marathon.url
        assert changed.get(timeout=30).kind == "event_stream_attached"
        call(marathon, "POST", "/v2/apps", NGINX)
        two = served_when(2)
        call(marathon, "PUT", "/v2/apps/nginx?force=true", {"instances": 4})
        assert two < served_when(4)
        for address, port in servers(client):
            assert requests.get(f"http://{address}:{port}/", timeout=30).ok
        call(marathon, "DELETE", "/v2/apps/nginx?force=true")
        assert served_when(0) == set()
    finally:
        watch.stop()
    assert lost.empty()


def test_without_the_right_credentials_nothing_is_read(marathon):
    for credentials, reason in ((None, "none are given"), (Credentials("joe", "x"), "are not accepted")):
        with pytest.raises(MarathonError, match=reason):
            Client(Access([marathon.url], credentials)).cluster()
