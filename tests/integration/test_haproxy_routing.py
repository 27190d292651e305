"""What clients get from a real HAProxy for a given LoadBalancer."""

from __future__ import annotations

import socket
import ssl
from collections import Counter
from http.client import HTTPConnection

import pytest
from netns import Namespace
from real_haproxy import Haproxy

from appliance.haproxy.model import (
    PROBE_HOST,
    PROBE_PATH,
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

TCP, HTTP = Mode.TCP, Mode.HTTP
ANY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
ANY.check_hostname = False
ANY.verify_mode = ssl.CERT_NONE


def backend(name, *ports, mode=HTTP, sticky=False, check=None):
    servers = tuple(Server(f"s{port}", "127.0.0.1", port, port - 31000, f"c{port}") for port in ports)
    return Backend(name, mode, "roundrobin", servers, check, sticky)


SERVED = LoadBalancer(
    routes=(
        Route("path.example", "", ("one_80",)),
        Route("path.example", "/api", ("two_80",)),
        Route("path.example", "/api/v2", ("three_80",)),
        Route("path.example", "/ANY", ("four_80",), ignore_case=True),
        Route("secure.example", "", ("two_80",), redirect_to_https=True),
        Route("shared.example", "", ("one_80", "three_80")),
        Route("sticky.example", "", ("sticky_80",)),
        Route("nobody.example", "", ("empty_80",)),
    ),
    frontends=(
        Frontend(10001, HTTP, ("two_80",)),
        Frontend(10002, TCP, ("one_tcp_1", "three_tcp_1")),
        Frontend(10003, TCP, ("empty_tcp_1",)),
        Frontend(10004, HTTP, ("empty_80", "two_80")),
        Frontend(10005, HTTP, ("empty_80", "none_80")),
    ),
    app_routes=(AppRoute("/group/Two", "two_80"),),
    backends=(
        backend("empty_80"),
        backend("empty_tcp_1", mode=TCP),
        backend("four_80", 31014),
        backend("none_80"),
        backend("one_80", 31001),
        backend("one_tcp_1", 31001, mode=TCP),
        backend("sticky_80", 31011, 31012, 31013, sticky=True),
        backend("three_80", 31011, 31012, 31013, check=Check(CheckKind.HTTP, "/", 60, 20, 4)),
        backend("three_tcp_1", 31011, 31012, 31013, mode=TCP, check=Check(CheckKind.TCP, "", 60, 20, 4)),
        backend("two_80", 31002),
    ),
    default_http_backends=("one_80", "three_80"),
    default_https_backends=("two_80",),
)
NAMES = {31001: "one", 31002: "two", 31011: "three", 31012: "three", 31013: "three", 31014: "four"}


@pytest.fixture(scope="module")
def lb(root):  # noqa: ARG001 - asks for root
    namespace = Namespace()
    haproxy = Haproxy(namespace)
    try:
        for port, name in NAMES.items():
            namespace.serve(port, f"{name} {port}")
        haproxy.start(SERVED)
        yield namespace
    finally:
        haproxy.close()
        namespace.close()


def who(answer):
    status, _, body = answer
    return body.split()[0] if status == 200 else status


@pytest.mark.parametrize("host", ["path.example", "PATH.example:80", "Path.Example.", "path.example.:8080"])
def test_a_virtual_host_matches_in_any_case_with_a_port_and_with_a_trailing_dot(lb, host):
    assert who(lb.ask(headers={"Host": host})) == "one"


@pytest.mark.parametrize(
    ("path", "name"),
    [("/", "one"), ("/ap", "one"), ("/api", "two"), ("/api/v1?x=/api/v2", "two"), ("/api/v2/x", "three")],
)
def test_the_longest_path_wins(lb, path, name):
    assert who(lb.ask(path=path, headers={"Host": "path.example"})) == name


@pytest.mark.parametrize(("path", "name"), [("/any/x", "four"), ("/aNy", "four"), ("/API", "one")])
def test_only_a_path_that_ignores_case_does(lb, path, name):
    assert who(lb.ask(path=path, headers={"Host": "path.example"})) == name


def test_backends_of_one_route_share_as_their_ready_servers(lb):
    count = Counter(who(lb.ask(headers={"Host": "shared.example"})) for _ in range(1200))
    assert count["one"] + count["three"] == 1200
    assert 210 < count["one"] < 390  # six standard deviations


def test_any_other_host_reaches_the_default_backends(lb):
    assert {who(lb.ask(headers={"Host": "who.knows"})) for _ in range(60)} == {"one", "three"}


def test_redirect_sends_to_https_without_the_port_and_keeps_path_and_query(lb):
    status, headers, _ = lb.ask(path="/a?b=c", headers={"Host": "Secure.example:80"})
    assert (status, headers["location"]) == (301, "https://secure.example/a?b=c")


def test_tls_routes_by_host_and_says_so_to_the_service(lb):
    status, _, body = lb.ask(
        443, "/api/v2", headers={"Host": "path.example", "X-Forwarded-Proto": "x"}, tls=ANY
    )
    assert status == 200
    assert body.startswith("three")
    assert [line for line in body.lower().splitlines() if "x-forwarded-p" in line] == [
        "x-forwarded-port: 443",
        "x-forwarded-proto: https",
    ]
    assert "x-forwarded-for: 127.0.0.1" in body.lower()


def test_a_redirected_host_is_served_on_tls(lb):
    assert who(lb.ask(443, headers={"Host": "secure.example"}, tls=ANY)) == "two"
    assert who(lb.ask(443, headers={"Host": "who.knows"}, tls=ANY)) == "two"


def test_a_sticky_client_stays_with_its_server(lb):
    _, headers, body = lb.ask(headers={"Host": "sticky.example"})
    cookie = headers["set-cookie"].partition(";")[0]
    assert cookie == f"mesosphere_server_id=c{body.split()[1]}"
    again = [lb.ask(headers={"Host": "sticky.example", "Cookie": cookie})[2] for _ in range(6)]
    assert {answer.split()[1] for answer in again} == {body.split()[1]}


def test_9091_routes_by_app_id_whatever_its_case(lb):
    assert who(lb.ask(9091, headers={"X-Marathon-App-Id": "/group/two"})) == "two"
    assert who(lb.ask(9091, headers={"X-Marathon-App-Id": "/GROUP/Two"})) == "two"
    assert who(lb.ask(9091)) == 503


def test_a_service_port_serves_http(lb):
    status, _, body = lb.ask(10001)
    assert status == 200
    assert "x-forwarded-port: 10001" in body.lower()


def test_a_tcp_service_port_is_shared_as_the_ready_servers(lb):
    count = Counter(who(lb.ask(10002)) for _ in range(800))
    assert count["one"] + count["three"] == 800
    assert 125 < count["one"] < 275


def test_without_servers_http_answers_503_and_tcp_closes(lb):
    assert who(lb.ask(headers={"Host": "nobody.example"})) == 503

    def talk():
        with socket.create_connection(("127.0.0.1", 10003), timeout=5) as connection:
            return connection.recv(10)

    assert lb.connect(talk) == b""


def test_a_member_without_servers_leaves_its_share_to_the_others(lb):
    assert {who(lb.ask(10004)) for _ in range(20)} == {"two"}
    assert who(lb.ask(10005)) == 503


def test_the_probe_is_answered_to_this_node_only(lb):
    probe = {"Host": PROBE_HOST}
    assert lb.ask(path=PROBE_PATH, headers=probe)[::2] == (200, "ok")
    assert who(lb.ask(path=PROBE_PATH, headers=probe, source=lb.OUTSIDE)) == 404
    assert who(lb.ask(path="/", headers=probe)) == 404
    assert who(lb.ask(path=PROBE_PATH)) in {"one", "three"}


def test_9090_shows_statistics_health_and_metrics(lb):
    assert "HAProxy" in lb.ask(9090, "/haproxy?stats")[2]
    csv = lb.ask(9090, "/haproxy?stats;csv")[2].splitlines()
    assert csv[0].startswith("# pxname,svname,")
    assert all(line.endswith(",") for line in csv if line)
    assert [line for line in csv if line.startswith("three_80,s31011,")]
    assert lb.ask(9090, "/_haproxy_health_check")[0] == 200
    assert "haproxy_server_status" in lb.ask(9090, "/metrics")[2]


def test_signals_are_taken_from_this_machine_only(lb):
    status, _, body = lb.ask(9090, "/_mlb_signal/hup")
    assert (status, body) == (500, "appliance-lb does not run: nobody takes the signal\n")
    assert lb.ask(9090, "/_mlb_signal/usr1", source=lb.OUTSIDE)[0] == 403

    def by_its_own_address():
        connection = HTTPConnection(lb.OUTSIDE, 9090, timeout=10)
        connection.request("GET", "/_mlb_signal/hup")
        try:
            return connection.getresponse().status
        finally:
            connection.close()

    assert lb.connect(by_its_own_address) == 500


def test_pages_of_the_generator_say_so_when_it_is_away(lb):
    status, _, body = lb.ask(9090, "/_haproxy_getconfig")
    assert (status, body) == (503, "appliance-lb does not run; HAProxy goes on without it\n")
