"""Who reaches :9090 and :9091, and what the operator's switches change for requests, on a real HAProxy."""

from __future__ import annotations

import ssl
from dataclasses import replace

import pytest
from netns import Namespace
from real_haproxy import Haproxy

from appliance.haproxy.model import Access, AppRoute, Backend, LoadBalancer, Mode, Route, Server, listening

READER, PEER, VIP = "10.99.0.2", "10.99.0.3", "10.99.0.250"
ACCESS = Access(
    statistics_networks=(READER,),
    app_ids=("127.0.0.1:9091", listening(VIP, 9091)),
    app_id_networks=("10.99.0.2/31",),
    trusted=(PEER,),
)


def backend(name, port, **more):
    servers = (Server(f"s{port}", "127.0.0.1", port, port - 31000),)
    return Backend(name, Mode.HTTP, "roundrobin", servers, **more)


SERVED = LoadBalancer(
    routes=(Route("plain.example", "", ("plain_1",)), Route("tls.example", "", ("tls_2",))),
    app_routes=(AppRoute("/plain", "plain_1"),),
    backends=(backend("plain_1", 31001), backend("tls_2", 31002, tls=True), backend("other_3", 31003)),
    default_http_backends=("other_3",),
)


@pytest.fixture(scope="module")
def lb(root):  # noqa: ARG001 - asks for root
    namespace = Namespace()
    haproxy = Haproxy(namespace)
    haproxy.process = replace(haproxy.process, access=ACCESS, drop_forwarded_proto=True)
    try:
        for address in (READER, PEER):
            namespace.add_address(address)
        namespace.serve(31001, "plain")
        namespace.serve(31002, "tls", certificate=haproxy.process.certificates[0])
        namespace.serve(31003, "other")
        haproxy.start(SERVED)
        yield namespace
    finally:
        haproxy.close()
        namespace.close()


def status(lb, port, path="/", **how):
    return lb.ask(port, path, **how)[0]


@pytest.mark.parametrize("path", ["/haproxy?stats", "/haproxy?stats;csv", "/metrics"])
def test_only_who_is_listed_reads_9090_and_the_nodes_always_do(lb, path):
    assert status(lb, 9090, path, source=READER) == 200
    assert status(lb, 9090, path, source=PEER) == 200
    assert status(lb, 9090, path) == 200
    answer = lb.ask(9090, path, source=lb.OUTSIDE)
    assert (answer[0], answer[2]) == (403, "not for this address: see [access] statistics_networks\n")


def test_the_agents_metrics_and_its_page_are_passed_on_and_nothing_else_of_it(lb):
    answer = lb.ask(9090, "/appliance/metrics")
    assert (answer[0], answer[2].split(";")[0]) == (503, "the agent does not run on this node")
    assert status(lb, 9090, "/appliance/metrics", source=lb.OUTSIDE) == 403
    lb.serve(9099, "agent")
    assert lb.ask(9090, "/appliance/metrics", source=READER)[2].split()[:2] == ["agent", "/metrics"]
    for path in ("/", "/status/apps?q=x", "/status/page.css"):
        assert lb.ask(9090, path, source=READER)[2].split()[:2] == ["agent", path]
        assert status(lb, 9090, path, source=lb.OUTSIDE) == 403
    assert status(lb, 9090, "/status/live") == 204, "a stream would keep an old worker"
    for path in ("/appliance/orders", "/appliance/metrics/", "/orders", "/challenge", "/status.json"):
        assert "agent" not in lb.ask(9090, path)[2]


def test_health_is_told_to_everybody(lb):
    assert status(lb, 9090, "/_haproxy_health_check", source=lb.OUTSIDE) == 200


def test_signals_are_taken_from_the_nodes_and_administrators_only(lb):
    for source in ("127.0.0.1", PEER):
        assert status(lb, 9090, "/_mlb_signal/hup", source=source) == 500  # appliance-lb does not run here
    for source in (READER, lb.OUTSIDE):
        assert status(lb, 9090, "/_mlb_signal/hup", source=source) == 403


def test_9091_is_for_its_own_list(lb):
    app = {"headers": {"X-Marathon-App-Id": "/plain"}}
    for source in (READER, PEER, "127.0.0.1"):
        assert status(lb, 9091, source=source, **app) == 200
    assert status(lb, 9091, source=lb.OUTSIDE, **app) == 403


def test_an_address_that_comes_later_is_listened_on(lb):
    with pytest.raises(OSError, match=r"refused|unreachable"):
        status(lb, 9091, to=VIP)
    lb.add_address(VIP)
    assert status(lb, 9091, to=VIP, headers={"X-Marathon-App-Id": "/plain"}) == 200


def test_what_a_client_says_about_its_protocol_is_dropped_where_asked(lb):
    headers = {"Host": "plain.example", "X-Forwarded-Proto": "https"}
    assert "x-forwarded-proto" not in lb.ask(headers=headers)[2].lower()
    said = lb.ask(443, headers={**headers, "X-Forwarded-Proto": "x"}, tls=_any())[2].lower()
    assert said.count("x-forwarded-proto: https") == 1
    assert "x-forwarded-proto: x" not in said


def test_servers_that_speak_tls_are_spoken_to_in_tls(lb):
    assert lb.ask(headers={"Host": "tls.example"})[2].startswith("tls")


def test_what_no_vhost_matches_is_the_default_backends(lb):
    assert lb.ask(headers={"Host": "who.knows"})[2].startswith("other")
    assert status(lb, 443, headers={"Host": "who.knows"}, tls=_any()) == 503


def _any():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
