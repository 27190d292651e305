"""Server and map changes as exact socket commands, or the reasons for a reload."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.haproxy.differences import differences, meanwhile, pools_alone
from appliance.haproxy.lines import line, lines_of, pool
from appliance.haproxy.model import AppRoute, Backend, Frontend, LoadBalancer, Mode, Route, Server
from appliance.haproxy.plan import MapChange, NoChange, Reload, Running, RuntimeUpdate, Wanted, entries, plan
from appliance.haproxy.states import State

V26, V30 = (2, 6, 12), (3, 0, 0)


def server(port, **fields):
    return Server(f"s{port}", "10.0.0.9", port, port, **fields)


def backend(*ports, name="a_80", **fields):
    return Backend(name, Mode.HTTP, "roundrobin", tuple(server(port) for port in ports), **fields)


def state(port, administration=0, name="", place=0, number=0):
    return State(
        "a_80", name or f"s{port}", number or port, "10.0.0.9", place or port, 2, administration, 1, False
    )


def decided(before, after, states=None, version=V26, handled=()):
    states = states if states is not None else [state(one.port) for one in before.servers]
    running = Running(
        "x",
        {"a_80": {one.name: one for one in states}},
        {"a_80": {one.name: one for one in pool(before, version).lines}},
        handled=frozenset(("a_80", name) for name in handled),
    )
    return plan(running, Wanted("x", {"a_80": pool(after, version)}))


def test_a_moved_task_is_a_new_server_and_one_that_leaves():
    update = decided(backend(1, 2), backend(2, 3))
    assert update.commands == ("add server a_80/s3 10.0.0.9:3 id 3", "set server a_80/s3 state ready")
    assert update.leaving == (("a_80", "s1"),)
    assert update.reasons == ("backend a_80: servers +1 -1",)


def test_the_same_is_no_change():
    assert decided(backend(1, 2), backend(1, 2)) == NoChange()


def test_an_id_that_is_in_use_is_left_to_haproxy():
    update = decided(backend(1), backend(1, 3), [state(1, number=3)])
    assert update.commands[0] == "add server a_80/s3 10.0.0.9:3"


def test_maintenance_and_its_end_are_commands():
    disabled = replace(backend(1), servers=(server(1, disabled=True),))
    assert decided(backend(1), disabled).maintenance == ("set server a_80/s1 state maint",)
    assert decided(disabled, backend(1), [state(1, 0x01)]).commands == ("set server a_80/s1 state ready",)


def test_a_server_that_we_drain_and_that_is_wanted_again_is_made_ready():
    update = decided(backend(1), backend(1), [state(1, 0x08)], handled=["s1"])
    assert update.commands == ("set server a_80/s1 state ready",)


@pytest.mark.parametrize("administration", [0x01, 0x08])
def test_a_server_that_somebody_drained_or_stopped_stays_so(administration):
    assert decided(backend(1), backend(1), [state(1, administration)]) == NoChange()


def test_an_active_server_is_never_pointed_elsewhere():
    moved = decided(backend(1), backend(1), [state(1, place=99)])
    assert moved == Reload(
        ("backend a_80: server s1 is at 10.0.0.9:99, not at 10.0.0.9:1",), frozenset({"a_80"})
    )


@pytest.mark.parametrize(
    ("fields", "version", "why"),
    [
        ({"sticky": True}, V26, "cookie"),
        ({"balance": "source"}, V26, "takes its servers only when it starts"),
        ({}, (2, 4, 0), "adds no servers"),
    ],
)
def test_where_no_server_can_be_added_there_is_a_reload(fields, version, why):
    before, after = (replace(backend(*ports), **fields) for ports in ((1,), (1, 2)))
    found = decided(before, after, version=version)
    assert isinstance(found, Reload)
    assert why in found.reasons[0]
    assert isinstance(decided(after, before, version=version), RuntimeUpdate)  # taking away needs none


def test_from_3_0_on_a_sticky_server_can_be_added():
    update = decided(*(replace(backend(*ports), sticky=True) for ports in ((1,), (1, 2))), version=V30)
    assert update.commands[0].endswith(" cookie check") or " cookie " in update.commands[0]


def test_servers_with_one_name_are_a_reload_so_that_the_check_names_them():
    twice = replace(backend(1), servers=(server(1), replace(server(2), name="s1")))
    assert "one name" in decided(backend(1), twice).reasons[0]


@pytest.mark.parametrize(
    "text",
    [
        "server s1 tasks.example:80",
        "server s1 10.0.0.9:1 resolvers dns",
        "server s1 10.0.0.9:1 sni str('x')",
        "server s1 10.0.0.9:1\n  server s2 10.0.0.9:2",
    ],
)
def test_a_server_in_words_that_the_socket_does_not_take_is_a_reload(text):
    own = replace(backend(1), servers=(replace(server(1), text=text),))
    assert isinstance(decided(backend(1), own), Reload)


def test_lines_are_read_back_from_the_file():
    text = "backend a_80\n  server s1 10.0.0.9:1 id 1 weight 5 check\nfrontend f\n  bind *:1\n"
    assert lines_of(text) == {"a_80": {"s1": line("server s1 10.0.0.9:1 id 1 weight 5 check")}}


def of_map(old, new, *, ordered=False):
    running, wanted = Running("x", maps={"m": entries(old)}), Wanted("x", maps={"m": entries(new)})
    return plan(running, wanted, frozenset({"m"} if ordered else ()))


def test_map_entries_come_change_and_go_by_key():
    update = of_map("a 1\nb 1\n", "b 2\nc 1\n")
    assert update.maps == (MapChange("m", set=(("b", "2"),), add=(("c", "1"),), remove=("a",)),)


def test_a_map_whose_order_means_something_is_replaced_as_a_whole():
    assert of_map("b 1\na 1\n", "a 1\nb 1\n") == NoChange()
    assert of_map("b 1\na 1\n", "a 1\nb 1\n", ordered=True).maps[0].whole == (("a", "1"), ("b", "1"))


def test_another_structure_is_a_reload_with_its_reasons():
    assert plan(Running("old"), Wanted("new", differences=("backend b: new",))) == Reload(("backend b: new",))


OLD = LoadBalancer(
    routes=(Route("a.example", "", ("nginx_80",)),),
    frontends=(Frontend(10001, Mode.HTTP, ("nginx_80",)),),
    app_routes=(AppRoute("/nginx", "nginx_80"),),
    backends=(backend(1, 2, name="nginx_80"), backend(1, name="old_80")),
)


def test_reasons_speak_of_backends_routes_ports_and_defaults():
    new = replace(
        OLD,
        routes=(Route("b.example", "/x", ("nginx_80",)),),
        backends=(backend(1, name="new_80"), backend(1, 2, 3, 4, 5, name="nginx_80")),
        default_http_backends=("nginx_80",),
    )
    assert tuple(differences(OLD, new)) == (
        "backend new_80: new",
        "backend nginx_80: 2 -> 5 servers",
        "backend old_80: gone",
        "route a.example: gone",
        "route b.example/x: new",
        "default of :80: changed",
    )


def test_servers_alone_are_told_from_all_else():
    moved = replace(OLD, backends=(backend(1, 9, name="nginx_80"), OLD.backends[1]))
    assert pools_alone(OLD, moved) == ("nginx_80",)
    assert pools_alone(OLD, OLD) == ()
    assert pools_alone(OLD, replace(moved, routes=())) is None
    assert (
        pools_alone(OLD, replace(OLD, backends=(replace(OLD.backends[0], sticky=True), OLD.backends[1])))
        is None
    )


def test_while_a_reload_waits_servers_of_known_backends_come_and_go():
    new = replace(OLD, routes=(), backends=(backend(7, name="new_80"), backend(3, name="nginx_80")))
    assert meanwhile(OLD, new, frozenset()) == replace(
        OLD, backends=(backend(3, name="nginx_80"), OLD.backends[1])
    )
    assert meanwhile(OLD, new, frozenset({"nginx_80"})) == OLD


def test_a_server_with_other_keywords_or_unknown_ones_is_a_reload():
    checked = replace(backend(1), servers=(server(1, text="server s1 10.0.0.9:1 id 1 check"),))
    assert decided(backend(1), checked).reasons == ("backend a_80: server s1 has other keywords",)
    states = [state(1), state(2)]
    assert decided(backend(1), backend(1, 2), states).reasons == (
        "backend a_80: server s2 was added by somebody",
    )
