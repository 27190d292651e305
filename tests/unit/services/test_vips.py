"""Several VIPs: what an app may have on one of them is nobody's business on another."""

from __future__ import annotations

import pytest

from appliance.haproxy.model import Mode
from appliance.haproxy.texts import rebound
from appliance.marathon.model import App, Cluster, Endpoint, Port, Task
from appliance.services.model import Conflict, Selection, Vip
from appliance.services.translate import translate

OUT, IN = "10.0.0.250", "10.0.0.251"
VIPS = (Vip(OUT, ("external",)), Vip(IN, ("internal",)))


def app(app_id, group, port=10000, **labels):
    return App(
        id=app_id,
        labels={"HAPROXY_GROUP": group, **{f"HAPROXY_0_{name}": text for name, text in labels.items()}},
        ports=(Port(port),),
        health_checks=(),
        tasks=(Task(f"{app_id}.1", (Endpoint("10.0.0.9", 31000),), "TASK_RUNNING", ()),),
    )


def found(*apps, conflict=Conflict.SHARE, vips=VIPS):
    return translate(Cluster(apps), Selection(("external", "internal"), conflict=conflict, vips=vips), {})


def doors(*apps, **how):
    return {door.address: door for door in found(*apps, **how).load_balancer.doors}


def hosts(door):
    return [route.host for route in door.routes]


def test_a_virtual_host_is_on_the_vip_of_its_group_only():
    seen = doors(
        app("/shop", "external", VHOST="shop.example"), app("/ledger", "internal", VHOST="ledger.example")
    )
    assert (hosts(seen[OUT]), hosts(seen[IN])) == (["shop.example"], ["ledger.example"])


def test_nothing_is_left_for_all_addresses():
    whole = found(app("/shop", "external", VHOST="shop.example")).load_balancer
    assert (whole.routes, whole.default_http_backends) == ((), ())
    assert {frontend.address for frontend in whole.frontends} == {OUT}


def test_one_service_port_is_two_apps_on_two_vips_even_of_two_modes():
    seen = found(app("/shop", "external", MODE="http"), app("/ledger", "internal", MODE="tcp"))
    assert seen.quarantined == ()
    ports = [(one.port, one.address, one.mode, one.backends) for one in seen.load_balancer.frontends]
    assert ports == [
        (10000, OUT, Mode.HTTP, ("shop_10000",)),
        (10000, IN, Mode.TCP, ("ledger_10000",)),
    ]


@pytest.mark.parametrize("conflict", Conflict)
def test_one_virtual_host_on_two_vips_is_no_conflict(conflict):
    apps = (app("/a", "external", VHOST="x.example"), app("/b", "internal", 10001, VHOST="x.example"))
    seen = doors(*apps, conflict=conflict)
    assert seen[OUT].routes[0].backends == ("a_10000",)
    assert seen[IN].routes[0].backends == ("b_10001",)


def test_a_larger_weight_elsewhere_takes_nothing_away():
    apps = (
        app("/a", "external", VHOST="x.example"),
        app("/b", "internal", 10001, VHOST="x.example", HTTP_BACKEND_WEIGHT="9"),
    )
    assert doors(*apps)[OUT].routes[0].backends == ("a_10000",)


def test_an_app_of_both_groups_is_on_both_vips_by_one_backend():
    seen = found(app("/both", "external,internal", VHOST="both.example"))
    assert [hosts(door) for door in seen.load_balancer.doors] == [["both.example"]] * 2
    assert [backend.name for backend in seen.load_balancer.backends] == ["both_10000"]
    assert [one.address for one in seen.load_balancer.frontends] == [OUT, IN]


def test_an_app_cannot_bind_itself_to_the_vip_of_other_groups():
    seen = found(app("/ledger", "internal", BIND_ADDR=OUT))
    assert [one.reason for one in seen.quarantined] == [
        f"HAPROXY_0_BIND_ADDR: {OUT} is the VIP of other groups"
    ]


def test_an_address_that_is_no_vip_stays_what_the_app_asked_for():
    seen = found(app("/local", "internal", BIND_ADDR="127.0.0.1"))
    assert [one.address for one in seen.load_balancer.frontends] == ["127.0.0.1"]


def test_a_group_of_all_apps_serves_every_group():
    seen = doors(app("/shop", "external", VHOST="a.example"), vips=(*VIPS, Vip("10.0.0.252", ("*",))))
    assert hosts(seen["10.0.0.252"]) == ["a.example"]


@pytest.mark.parametrize(
    ("line", "bound"),
    [
        ("  bind *:80", "  bind 10.0.0.251:80 transparent"),
        ("  bind :80", "  bind 10.0.0.251:80 transparent"),
        ("  bind 0.0.0.0:443 ssl crt /a.pem", "  bind 10.0.0.251:443 transparent ssl crt /a.pem"),
        ("  bind *:80,[::]:81", "  bind 10.0.0.251:80,10.0.0.251:81 transparent"),
        ("  bind quic4@:443", "  bind quic4@10.0.0.251:443 transparent"),
        ("  bind unix@/run/x.sock", "  bind unix@/run/x.sock transparent"),
        ("  mode http", "  mode http"),
    ],
)
def test_a_head_in_its_owners_words_is_bound_to_the_vip(line, bound):
    assert rebound(line, "10.0.0.251") == bound
