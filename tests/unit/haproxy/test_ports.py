"""Who is said to hold a service port, and when nobody is, because it is not known what HAProxy has."""

from __future__ import annotations

import socket

import pytest

from appliance.haproxy import ports
from appliance.haproxy.model import Frontend, LoadBalancer, Mode
from appliance.haproxy.ports import Listener, Ports

OURS = Listener("0.0.0.0", 9091, 0, 1)
THEIRS = Listener("0.0.0.0", 10001, 0, 0)
RUNS = ports.of(LoadBalancer(frontends=(Frontend(10002, Mode.TCP, ("a",)),)))
SILENT = frozenset()


def looked(own, *listening):
    found = Ports(lambda: listening)
    found.look(own)
    return found


def test_a_port_of_somebody_else_is_told():
    assert looked(RUNS, OURS, THEIRS).fault("*", 10001) == "is held by somebody on this machine"
    assert not looked(RUNS, OURS, THEIRS).fault("*", 10003)


def test_what_haproxy_has_is_nobody_elses():
    own = Listener("0.0.0.0", 10002, 0, 0)
    assert not looked(RUNS, OURS, own).fault("*", 10002)
    assert not looked(RUNS, OURS, own).fault("127.0.0.1", 10002)


@pytest.mark.parametrize(
    ("address", "held"), [("*", True), ("127.0.0.1", True), ("127.0.0.2", False), ("::1", False)]
)
def test_an_address_bars_itself_and_all_addresses(address, held):
    one = Listener("127.0.0.1", 10001, 0, 0)
    assert bool(looked(RUNS, OURS, one).fault(address, 10001)) is held


@pytest.mark.parametrize(
    ("own", "listening"),
    [
        (None, (OURS, THEIRS)),  # what runs is not known
        (RUNS, (THEIRS,)),  # HAProxy is not to be seen from here: it has another network
        (SILENT, (OURS, THEIRS)),  # it is said not to run, but something of it is there
    ],
)
def test_nobody_is_accused_while_it_is_not_known_what_is_ours(own, listening):
    assert not looked(own, *listening).fault("*", 10001)


def test_a_haproxy_that_does_not_run_could_not_start():
    found = looked(RUNS)
    found._listening = lambda: (THEIRS,)
    assert found.bar([("*", 10001), ("*", 10002)])
    assert not found.bar([("*", 10002), ("*", 80)])


def test_a_port_that_came_free_is_noticed_once_it_was_held():
    listening = [OURS, THEIRS]
    found = Ports(lambda: tuple(listening))
    found.look(RUNS)
    assert not found.freed()
    assert found.fault("*", 10001)
    assert not found.freed()
    listening.remove(THEIRS)
    assert found.freed()


def test_the_kernels_list_is_read():
    with (
        socket.create_server(("127.0.0.1", 0)) as four,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as six,
    ):
        found = {(one.address, one.port) for one in ports.listeners()}
        assert ("127.0.0.1", four.getsockname()[1]) in found
        assert ("::1", six.getsockname()[1]) in found


def bars_ipv4(*, dual):
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=dual) as server:
        return Listener("::", server.getsockname()[1], 0, 0).bars("*")


def test_whether_an_ipv6_listener_takes_ipv4_too_is_tried():
    assert bars_ipv4(dual=True)
    assert not all(bars_ipv4(dual=False) for _ in range(10))  # some client may use the same number just then


def test_places_of_a_configuration():
    text = "frontend port:1\n  bind *:10001\n  bind [::1]:10002 ssl crt /a\n  bind abns@x\n  # bind *:3\n"
    assert ports.places(text) == {("*", 10001), ("::1", 10002)}
