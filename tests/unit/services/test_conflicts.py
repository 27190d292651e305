"""Who has a route that several services claim: by weight, by setting, by what a port speaks."""

from __future__ import annotations

import pytest

from appliance.haproxy.model import Frontend, Mode
from appliance.haproxy.operator_texts import built_in
from appliance.marathon.model import App, Cluster, Endpoint, Port, Task
from appliance.services.model import Ask, Conflict, Selection, Texts
from appliance.services.translate import translate

TASK = Task("t", (Endpoint("10.0.0.1", 31000),), "TASK_RUNNING", ())


def app(app_id, port, **labels):
    return App(app_id, {f"HAPROXY_0_{key}": text for key, text in labels.items()}, (Port(port),), (), (TASK,))


def served(*apps, conflict=Conflict.SHARE, ask=None):
    selection = Selection(("*",), conflict=conflict, texts=Texts(built_in()))
    return translate(Cluster(apps), selection, {}, ask=ask or Ask())


def routes(translation):
    return {route.host + route.path: route.backends for route in translation.load_balancer.routes}


A, B = app("/a", 1001, VHOST="x.example"), app("/b", 1002, VHOST="x.example,y.example")


def test_a_larger_weight_has_the_route_alone():
    heavy = app("/c", 1003, VHOST="x.example", BACKEND_WEIGHT="2")
    translation = served(A, B, heavy)
    assert routes(translation) == {"x.example": ("c_1003",), "y.example": ("b_1002",)}
    assert "/a: x.example is /c's, which comes first" in translation.notices


def test_the_first_may_have_it_alone():
    translation = served(A, B, app("/c", 1001, MODE="http"), conflict=Conflict.FIRST)
    assert routes(translation) == {"x.example": ("a_1001",), "y.example": ("b_1002",)}
    assert translation.load_balancer.frontends[0].backends == ("a_1001",)
    assert translation.quarantined == ()


def test_all_but_the_first_may_be_quarantined():
    translation = served(A, B, app("/c", 1001, MODE="http"), conflict=Conflict.REJECT)
    assert routes(translation) == {"x.example": ("a_1001",)}
    assert [(entry.app_id, entry.reason) for entry in translation.quarantined] == [
        ("/b", "port 0 claims x.example, which is /a's"),
        ("/c", "port 0 claims port 1001, which is /a's"),
    ]


def test_without_a_claim_in_common_nobody_is_rejected():
    assert (
        served(A, app("/b", 1002, VHOST="x.example", PATH="/b"), conflict=Conflict.REJECT).quarantined == ()
    )


def test_a_route_made_of_templates_is_the_first_ones_alone():
    own = app("/c", 1003, VHOST="x.example", HTTP_FRONTEND_ACL="  use_backend {backend}\n")
    translation = served(A, own, app("/d", 1004, VHOST="z.example"))
    assert [rules.backend for rules in translation.load_balancer.own_rules] == ["a_1001", "c_1003"]
    assert routes(translation) == {"z.example": ("d_1004",)}
    assert any(
        notice.startswith("/c: x.example is /a's, which comes first: ") for notice in translation.notices
    )


def test_one_port_on_two_addresses_is_two_frontends():
    one, two = app("/a", 1001, BIND_ADDR="10.0.0.1"), app("/b", 1001, BIND_ADDR="10.0.0.2")
    assert served(one, two).load_balancer.frontends == (
        Frontend(1001, Mode.TCP, ("a_1001",), "10.0.0.1"),
        Frontend(1001, Mode.TCP, ("b_1001",), "10.0.0.2"),
    )


@pytest.mark.parametrize(
    ("labels", "difference"),
    [
        ({"SSL_CERT": "/c.pem"}, "with TLS here, but without"),
        ({"BIND_OPTIONS": "accept-proxy"}, "bound with other options than"),
        ({"MODE": "http"}, "mode http here, but tcp"),
    ],
)
def test_a_port_speaks_what_its_first_service_speaks(labels, difference):
    (entry,) = served(app("/a", 1001), app("/b", 1001, **labels)).quarantined
    assert entry.app_id == "/b"
    assert difference in entry.reason


def test_without_its_certificate_a_service_keeps_everything_but_its_port():
    ask = Ask(certificate_fault=lambda path: f"{path} is gone")
    tls = app("/a", 1001, SSL_CERT="/c.pem", VHOST="x.example")
    translation = served(tls, ask=ask)
    assert translation.load_balancer.frontends == ()
    assert translation.load_balancer.tls == ()
    assert routes(translation) == {"x.example": ("a_1001",)}
    assert "HAPROXY_0_SSL_CERT: /c.pem" in translation.quarantined[0].reason
    assert served(tls).load_balancer.tls[0].certificates == ("/c.pem",)


@pytest.mark.parametrize(
    ("wanted", "backends"),
    [
        (("/a", None), ("a_1001",)),
        (("/a", 0), ("a_1001",)),
        (("/a", 1), ()),
        (("/none", None), ()),
        (("/tcp", None), ()),
    ],
)
def test_the_operators_default_app_takes_what_no_vhost_matches(wanted, backends):
    apps = (A, B, app("/tcp", 1004))
    found = translate(Cluster(apps), Selection(("*",), default_app=wanted), {})
    assert found.load_balancer.default_http_backends == backends
    assert found.load_balancer.default_https_backends == backends
    assert bool(backends) == (not any("is the default app, but" in notice for notice in found.notices))


def test_a_service_port_80_outweighs_the_default_app():
    found = translate(Cluster((A, app("/own", 80))), Selection(("*",), default_app=("/a", None)), {})
    assert found.load_balancer.default_http_backends == ("own_80",)
    assert found.load_balancer.default_https_backends == ("a_1001",)
