"""What differs between two configurations, in the words of who reads it."""

from __future__ import annotations

from dataclasses import replace

from appliance.haproxy.generations import Text, differences, shortened
from appliance.haproxy.model import AppRoute, Backend, Frontend, LoadBalancer, Mode, Process, Route, Server
from appliance.haproxy.render import render

NODE = Process("/var/lib/x/haproxy", "/run/x/h.sock", "/run/x/lb.sock", file_descriptors=20000)


def backend(name, *ports, balance="roundrobin"):
    servers = tuple(Server(f"a_{port}", "10.0.0.1", port, port - 30000) for port in ports)
    return Backend(name, Mode.HTTP, balance, servers)


SHOP = LoadBalancer(
    routes=(Route("shop.example", "", ("shop_80",)),),
    frontends=(Frontend(10000, Mode.HTTP, ("shop_80",)),),
    app_routes=(AppRoute("/shop", "shop_80"),),
    backends=(backend("shop_80", 31001, 31002),),
)


def text(load_balancer, process=NODE):
    rendered = render(load_balancer, process)
    return Text(rendered.config, rendered.maps)


def said(old, new):
    return list(differences(text(old), text(new)))


def test_nothing_differs_from_itself():
    assert said(SHOP, SHOP) == []


def test_a_task_that_moved_is_one_server_gone_and_one_new():
    moved = replace(SHOP, backends=(backend("shop_80", 31001, 31009),))
    assert said(SHOP, moved) == [
        "backend shop_80: server a_31002 gone, was at 10.0.0.1:31002",
        "backend shop_80: server a_31009 new at 10.0.0.1:31009",
    ]


def test_an_app_that_comes_brings_its_routes_and_takes_them_along():
    both = replace(
        SHOP,
        routes=(*SHOP.routes, Route("shop.example", "/wiki", ("wiki_80",))),
        app_routes=(*SHOP.app_routes, AppRoute("/wiki", "wiki_80")),
        backends=(*SHOP.backends, backend("wiki_80", 31003)),
    )
    assert [line for line in said(SHOP, both) if "frontend" not in line] == [
        "route shop.example/wiki: new, to wiki_80",
        "app id /wiki: new, to wiki_80",
        "backend wiki_80: new, 1 server",
    ]
    assert "route shop.example/wiki: gone, was to wiki_80" in said(both, SHOP)
    assert "backend wiki_80: gone, 1 server" in said(both, SHOP)


def test_a_route_that_goes_elsewhere_a_port_and_an_option():
    other = replace(
        SHOP, routes=(Route("shop.example", "", ("b_80",)),), backends=(*SHOP.backends, backend("b_80"))
    )
    assert "route shop.example: shop_80 -> b_80" in said(SHOP, other)
    closed = replace(SHOP, frontends=())
    assert said(SHOP, closed) == ["frontend port:10000: gone"]
    least = replace(SHOP, backends=(backend("shop_80", 31001, 31002, balance="leastconn"),))
    assert said(SHOP, least) == [
        "backend shop_80: without 'balance roundrobin'",
        "backend shop_80: with 'balance leastconn'",
    ]


def test_a_setting_is_said_and_hashes_and_folders_of_maps_are_not():
    wider = text(SHOP, replace(NODE, file_descriptors=10000))
    assert list(differences(text(SHOP), wider)) == [
        "global: without 'maxconn 9500'",
        "global: with 'maxconn 4500'",
    ]


def test_a_long_list_is_shortened_and_counts_the_rest():
    assert shortened(("a", "b", "c"), 2) == ("a", "b", "and 1 more")
    assert shortened(("a", "b"), 2) == ("a", "b")
