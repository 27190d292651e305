from __future__ import annotations

from dataclasses import replace

from appliance.haproxy.model import AppRoute, Backend, Frontend, LoadBalancer, Mode, Route, Server
from appliance.haproxy.plan import Generation, NoChange, Reload, plan


def backend(name, servers):
    return Backend(
        name,
        Mode.HTTP,
        "roundrobin",
        tuple(Server(f"s{port}", "10.0.0.9", port, port) for port in range(1, servers + 1)),
    )


OLD = LoadBalancer(
    routes=(Route("a.example", "", ("nginx_80",)),),
    frontends=(Frontend(10001, Mode.HTTP, ("nginx_80",)),),
    app_routes=(AppRoute("/nginx", "nginx_80"),),
    backends=(backend("nginx_80", 2), backend("old_80", 1)),
)


def reasons(new, old=OLD):
    decided = plan(Generation("old", old), Generation("new", new))
    assert isinstance(decided, Reload)
    return decided.reasons


def test_the_same_hash_is_no_change():
    assert plan(Generation("x", OLD), Generation("x", OLD)) == NoChange()
    assert plan(Generation("x"), Generation("x", OLD)) == NoChange()


def test_reasons_speak_of_backends_and_their_servers():
    new = replace(OLD, backends=(backend("new_80", 1), backend("nginx_80", 5)))
    assert reasons(new) == ("backend new_80: new", "backend nginx_80: 2 -> 5 servers", "backend old_80: gone")


def test_other_servers_and_other_options_are_told_apart():
    moved = replace(OLD.backends[0], servers=(Server("s1", "10.0.0.9", 1, 1), Server("s9", "10.0.0.9", 9, 9)))
    assert reasons(replace(OLD, backends=(moved, OLD.backends[1]))) == ("backend nginx_80: other servers",)
    sticky = replace(OLD.backends[0], sticky=True)
    assert reasons(replace(OLD, backends=(sticky, OLD.backends[1]))) == ("backend nginx_80: other options",)


def test_routes_ports_app_ids_and_defaults_are_named():
    new = replace(
        OLD,
        routes=(Route("b.example", "/x", ("nginx_80",)),),
        frontends=(Frontend(10001, Mode.HTTP, ("old_80",)),),
        app_routes=(),
        default_http_backends=("nginx_80",),
    )
    assert reasons(new) == (
        "route a.example: gone",
        "route b.example/x: new",
        "service port 10001: changed",
        "app id /nginx: gone",
        "default of :80: changed",
    )


def test_what_is_not_known_is_said():
    assert plan(None, Generation("new", OLD)) == Reload(("nothing of ours runs yet",))
    assert "earlier start" in plan(Generation("old"), Generation("new", OLD)).reasons[0]
    assert "templates" in reasons(OLD)[0]
