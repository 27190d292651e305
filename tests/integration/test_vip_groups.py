"""Apps of two groups on two VIPs, by real requests: what is internal is not to be had outside."""

from __future__ import annotations

import ssl
from dataclasses import replace

import pytest
from netns import Namespace
from real_haproxy import Haproxy

from appliance.haproxy.model import PROBE_HOST, PROBE_PATH
from appliance.marathon.model import App, Cluster, Endpoint, Port, Task
from appliance.services.model import Selection, Vip
from appliance.services.translate import translate

OUT, IN, SIX = "10.99.0.250", "10.99.0.251", "fd99::250"
ANY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
ANY.check_hostname = False
ANY.verify_mode = ssl.CERT_NONE


def app(app_id, group, task_port):
    host = f"{app_id[1:]}.example"
    return App(
        id=app_id,
        labels={"HAPROXY_GROUP": group, "HAPROXY_0_VHOST": host, "HAPROXY_0_PORT": "10000"},
        ports=(Port(10000),),
        health_checks=(),
        tasks=(Task(f"{app_id}.1", (Endpoint("127.0.0.1", task_port),), "TASK_RUNNING", ()),),
    )


APPS = Cluster((app("/shop", "external", 31001), app("/ledger", "internal", 31002)))


@pytest.fixture(scope="module")
def node(root):  # noqa: ARG001 - asks for root
    """HAProxy is started while the node has none of the VIPs; then it gets them, as in a failover."""
    namespace = Namespace()
    haproxy = Haproxy(namespace)
    try:
        namespace.serve(31001, "shop")
        namespace.serve(31002, "ledger")
        vips = (Vip(OUT, ("external",)), Vip(IN, ("internal",)))
        haproxy.start(translate(APPS, Selection(("external", "internal"), vips=vips), {}).load_balancer)
        for address in (OUT, IN, SIX):
            namespace.have(address)
        yield namespace, haproxy
    finally:
        haproxy.close()
        namespace.close()


def who(namespace, to, port=80, *, tls=None, **headers):
    status, _, body = namespace.ask(port, headers=headers, to=to, tls=tls)
    return body.split()[0] if status == 200 else status


@pytest.mark.parametrize("tls", [None, ANY], ids=["http", "https"])
@pytest.mark.parametrize(
    ("to", "host", "answer"),
    [
        (OUT, "shop.example", "shop"),
        (IN, "ledger.example", "ledger"),
        (OUT, "ledger.example", 503),
        (IN, "shop.example", 503),
    ],
)
def test_a_virtual_host_answers_on_its_own_vip_only(node, to, host, answer, tls):
    assert who(node[0], to, 443 if tls else 80, tls=tls, Host=host) == answer


def test_one_service_port_leads_to_the_app_of_the_vip(node):
    assert [who(node[0], to, 10000) for to in (OUT, IN)] == ["shop", "ledger"]


@pytest.mark.parametrize("port", [80, 443, 10000])
def test_no_other_address_of_the_node_serves_apps(node, port):
    with pytest.raises(ConnectionRefusedError):
        node[0].ask(port, to=Namespace.OUTSIDE)


@pytest.mark.parametrize(
    ("to", "answer"), [(OUT, 404), (IN, "ledger"), ("127.0.0.1", "ledger")], ids=["outside", "inside", "node"]
)
def test_an_app_is_reached_by_its_id_on_its_own_vip_and_on_the_node(node, to, answer):
    assert who(node[0], to, 9091, **{"X-Marathon-App-Id": "/Ledger"}) == answer


def test_the_node_itself_still_asks_whether_haproxy_works(node):
    assert node[0].ask(path=PROBE_PATH, headers={"Host": PROBE_HOST})[0] == 200
    assert node[0].ask(path=PROBE_PATH, headers={"Host": PROBE_HOST}, to=OUT, source=OUT)[0] == 404
    assert who(node[0], "127.0.0.1", Host="ledger.example") == 503


def test_an_ipv6_vip_is_served_beside_all_of_ipv4(node):
    namespace, haproxy = node
    haproxy.process = replace(haproxy.process, more_addresses=(SIX,))
    haproxy.apply(translate(APPS, Selection(("external", "internal")), {}).load_balancer)
    for to in (SIX, OUT, "127.0.0.1"):
        assert who(namespace, to, Host="shop.example") == "shop"
        assert who(namespace, to, 443, tls=ANY, Host="ledger.example") == "ledger"
    assert who(namespace, SIX, 10000) in ("shop", "ledger")
