"""What a real HAProxy does with requests: connections are kept, troubles told apart, limits hold."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import replace
from http.client import HTTPConnection

import pytest
from netns import Namespace
from real_haproxy import Haproxy

from appliance import commands
from appliance.errors import EngineError
from appliance.haproxy import runtime
from appliance.haproxy.model import (
    AppRoute,
    Backend,
    Check,
    CheckKind,
    Frontend,
    LoadBalancer,
    Mode,
    Route,
    Server,
)
from appliance.haproxy.render import render

HTTP = Mode.HTTP


def server(port, **more):
    return Server(f"s{port}", "127.0.0.1", port, port - 31000, **more)


SERVED = LoadBalancer(
    routes=(
        Route("dead.example", "", ("dead_80",)),
        Route("empty.example", "", ("empty_80",)),
        Route("full.example", "", ("full_80",)),
        Route("good.example", "", ("good_80",)),
    ),
    frontends=(Frontend(10001, HTTP, ("empty_80",)),),
    app_routes=(AppRoute("/good", "good_80"),),
    backends=(
        Backend("dead_80", HTTP, "roundrobin", (server(31009),)),
        Backend("empty_80", HTTP, "roundrobin", ()),
        Backend(
            "full_80",
            HTTP,
            "roundrobin",
            (server(31002, text="server s31002 127.0.0.1:31002 id 2 maxconn 1"),),
            texts=(("BACKEND_HTTP_OPTIONS", "  timeout queue 200ms\n"),),
        ),
        Backend("good_80", HTTP, "roundrobin", (server(31001),)),
    ),
)


@pytest.fixture(scope="module")
def lb(root):  # noqa: ARG001 - asks for root
    namespace = Namespace()
    haproxy = Haproxy(namespace)
    try:
        namespace.serve(31001, "good")
        haproxy.start(SERVED)
        yield haproxy
    finally:
        haproxy.close()
        namespace.close()


def page(lb, host, **request):
    status, headers, body = lb.namespace.ask(headers={"Host": host}, **request)
    assert headers["x-content-type-options"] == "nosniff"
    return status, headers["content-type"], body


def counter(lb, name, backend):
    text = lb.namespace.ask(9090, "/metrics")[2]
    return next(
        float(line.split()[1]) for line in text.splitlines() if line.startswith(f'{name}{{proxy="{backend}"')
    )


def test_a_request_without_a_route_is_told_so_and_counted(lb):
    before = counter(lb, "haproxy_backend_http_requests_total", "no-route")
    assert page(lb, "Unknown.example:80") == (503, "text/plain", "no route: unknown.example\n")
    assert counter(lb, "haproxy_backend_http_requests_total", "no-route") == before + 1
    status, _, body = lb.namespace.ask(9091, headers={"X-Marathon-App-Id": "/group/none"})
    assert (status, body) == (503, "no route: /group/none\n")


def test_what_a_client_sends_as_host_is_no_markup_and_no_second_line(lb):
    assert page(lb, "<script>alert('x')</script>%0d%0aa\"b")[2] == "no route: scriptalertx/script0d0aab\n"
    assert len(page(lb, "a" * 2000)[2]) < 300


def test_a_service_without_a_ready_server_is_told_apart_from_one_whose_servers_refuse(lb):
    assert page(lb, "empty.example") == (503, "text/plain", "no server: empty.example\n")
    assert page(lb, "any.example", port=10001) == (503, "text/plain", "no server: any.example\n")
    assert counter(lb, "haproxy_backend_active_servers", "empty_80") == 0
    before = counter(lb, "haproxy_backend_connection_errors_total", "dead_80")
    assert page(lb, "dead.example") == (503, "text/plain", "no answer: dead.example\n")
    assert counter(lb, "haproxy_backend_active_servers", "dead_80") == 1
    assert counter(lb, "haproxy_backend_connection_errors_total", "dead_80") == before + 1


def test_a_request_that_waited_for_a_free_place_in_vain_is_told_so(lb):
    with lb.namespace.connect(lambda: socket.create_server(("127.0.0.1", 31002))) as busy:
        busy.settimeout(10)
        with lb.namespace.connect(lambda: socket.create_connection(("127.0.0.1", 80), 10)) as first:
            first.sendall(b"GET / HTTP/1.1\r\nHost: full.example\r\n\r\n")
            taken, _ = busy.accept()
            with taken:
                assert page(lb, "full.example") == (503, "text/plain", "queue full: full.example\n")
    assert counter(lb, "haproxy_backend_max_queue", "full_80") == 1


def test_connections_to_clients_and_to_servers_are_kept(lb):
    def thirty():
        connection = HTTPConnection("127.0.0.1", 80, timeout=10)
        with contextlib.closing(connection):
            for _ in range(30):
                connection.request("GET", "/", headers={"Host": "good.example"})
                answer = connection.getresponse()
                assert (answer.status, answer.read()[:4], answer.getheader("connection")) == (
                    200,
                    b"good",
                    None,
                )
                assert connection.sock is not None

    opened = counter(lb, "haproxy_server_connection_attempts_total", "good_80")
    lb.namespace.connect(thirty)
    assert counter(lb, "haproxy_server_connection_attempts_total", "good_80") - opened <= 2


FILES = 2200
"""Of them 2000 are set aside for 500 of HAProxy's own, 700 ports and 800 checked servers."""


@pytest.fixture
def narrow(root):  # noqa: ARG001 - asks for root
    """A HAProxy that may open FILES files, started behind the limit."""
    namespace = Namespace()
    haproxy = Haproxy(namespace)
    haproxy.process = replace(haproxy.process, file_descriptors=FILES)
    start = namespace.start
    namespace.start = lambda argv, **more: start(["prlimit", f"--nofile={FILES}:{FILES}", *argv], **more)
    try:
        yield haproxy
    finally:
        haproxy.close()
        namespace.close()


def many(ports, servers):
    check = Check(CheckKind.TCP, "", 60, 20, 4)
    listed = tuple(Server(f"s{n}", "127.0.0.1", 1 + n, n + 1) for n in range(servers))
    return LoadBalancer(
        frontends=tuple(Frontend(20000 + n, Mode.TCP, ("many_1",)) for n in range(ports)),
        backends=(Backend("many_1", Mode.TCP, "roundrobin", listed, check),),
    )


def test_as_many_ports_and_checks_as_files_allow_start_and_reload(narrow):
    full = many(700, 800)
    assert "  maxconn 100\n" in render(full, narrow.process).config
    narrow.start(full)
    narrow.apply(many(699, 801))
    assert runtime.info(narrow.master, "@1 ")["Maxconn"] == "100"


def test_one_more_is_refused_before_a_reload_which_could_not_start(narrow):
    narrow.start(many(10, 10))
    pids = runtime.processes(narrow.master).pids
    with pytest.raises(EngineError, match="raise the limit"):
        narrow.apply(many(701, 800))
    assert runtime.processes(narrow.master).pids == pids

    uncounted = render(many(700, 800), narrow.process).config.replace("maxconn 100\n", "maxconn 1000\n")
    assert "maxconn 1000\n" in uncounted
    narrow.config.write_text(uncounted)
    limited = ["prlimit", f"--nofile={FILES}:{FILES}", "haproxy"]
    assert commands.run([*limited, "-c", "-f", narrow.config]).code == 0
    started = commands.run([*limited, "-db", "-f", narrow.config], timeout_s=20)
    assert started.code == 1
    assert "FD limit" in started.message
