"""Why the VIP is where it is and why an app is (not) served, in words."""

from __future__ import annotations

import pytest

from appliance.health.verdict import Verdict
from appliance.marathon.model import App, Port
from appliance.status import explain
from appliance.status.cluster import Row, view


def app(app_id, ports=1, **labels):
    return App(app_id, labels, tuple(Port(10000 + n) for n in range(ports)), (), ())


def listed(states=(), quarantined=()):
    servers = [
        {"name": f"s{n}", "address": "10.0.0.1", "port": 31000 + n, "state": state}
        for n, state in enumerate(states)
    ]
    service = {
        "index": 0,
        "backend": "web_10000",
        "mode": "http",
        "port": 10000,
        "port_open": True,
        "vhosts": ["web.example"],
        "paths": [],
        "last_good": False,
        "servers": servers,
    }
    services = [] if states is None else [service]
    return {"id": "/web", "services": services, "quarantined": list(quarantined), "notices": []}


@pytest.mark.parametrize(
    ("found", "first"),
    [
        (listed(["UP", "DOWN"]), "/web is served by 1 of 2 servers"),
        (listed(["DOWN", "DOWN"]), "/web has its routes, but HAProxy finds none of its 2 servers up: 503"),
        (listed([]), "/web has its routes, but no task that could answer: 503"),
        ({**listed([]), "services": [], "quarantined": ["PORT 9090"]}, "/web is not served"),
    ],
)
def test_an_app_that_is_listed(found, first):
    lines = list(explain.served(found))
    assert lines[0] == first
    assert ("  QUARANTINED  PORT 9090" in lines) == bool(found["quarantined"])


def test_an_app_whose_group_is_another_loadbalancers():
    lines = list(explain.unlisted("/web", [app("/web", 2, HAPROXY_GROUP="internal")], ("external",)))
    assert lines[0] == "/web is not served: it asks for none of the groups of this load balancer (external)"
    assert lines[1:] == ["  port 0: HAPROXY_GROUP is internal", "  port 1: HAPROXY_GROUP is internal"]
    assert list(explain.unlisted("/web", [app("/web")], ("external",)))[1] == "  port 0: no HAPROXY_GROUP"


def test_an_app_that_does_not_run_or_has_no_port():
    assert list(explain.unlisted("/wbe", [app("/web")], ()))[1:] == ["  did you mean /web?"]
    assert "it has no port" in next(explain.unlisted("/web", [app("/web", 0)], ()))
    assert "not known on this node yet" in next(explain.unlisted("/web", None, ()))


def test_the_sum_of_each_node_and_what_moved_the_vip():
    facts = {
        "role": "OWNER",
        "holds_vip": True,
        "priority": {"weight": Verdict.DRAINING.value},
        "health": {"verdict": "DRAINING", "draining": True, "reasons": ["kernel"]},
        "vrrp": {"state": "MASTER", "state_since": 40.0, "cause": "slave-2 gave it up (priority 0)"},
    }
    rows = [Row("slave-1", "10.77.0.237", 1, facts), Row("slave-2", "10.77.0.238", 0, {}, "no answer")]
    text = "\n".join(explain.vip(view("10.77.0.250", rows), 100.0))
    assert (
        "slave-1, OWNER, announces 154\n    72 for its rank, 1\n   +82 for its verdict, draining: kernel"
        in text
    )
    assert "MASTER for 1 min: slave-2 gave it up (priority 0)" in text
    assert "slave-2 does not answer: no answer" in text
    assert "MAINTENANCE: slave-1: is drained" in text
    assert "  do: say 'appliance undrain' there when the work is done" in text
