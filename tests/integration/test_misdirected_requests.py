"""Requests for one host on a TLS connection that was made for another: real HAProxy, two certificates."""

from __future__ import annotations

import socket
import ssl
from dataclasses import replace
from http.client import HTTPConnection

import pytest
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded
from netns import Namespace
from real_haproxy import Haproxy

from appliance import commands
from appliance.haproxy.certificates import Certificates
from appliance.haproxy.model import Backend, LoadBalancer, Mode, Route, Server


def made(folder, name, *names):
    """A PEM file for `names`."""
    key, certificate, both = folder / "k", folder / "c", folder / f"{name}.pem"
    alternative = ",".join(f"DNS:{one}" for one in names)
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    more = ["-subj", f"/CN={names[0]}", "-addext", f"subjectAltName={alternative}", "-keyout", key]
    done = commands.run([*argv, *more, "-out", certificate])
    assert done.code == 0, done.message
    both.write_text(certificate.read_text() + key.read_text())
    return str(both)


@pytest.fixture(scope="module")
def lb(root):  # noqa: ARG001 - asks for root
    namespace = Namespace()
    haproxy = Haproxy(namespace)
    paths = [
        made(haproxy.folder, "a", "a.example", "shared.example", "*.w.example"),
        made(haproxy.folder, "b", "B.example", "shared.example"),
    ]
    found, notices = Certificates().found(paths)
    assert not notices
    haproxy.process = replace(
        haproxy.process,
        certificates=tuple(paths),
        certificate_names=tuple((one.sha1, one.names) for one in found),
    )
    hosts = ("a.example", "b.example", "shared.example", "x.w.example", "y.w.example", "none.example")
    server = Server("s31001", "127.0.0.1", 31001, 1)
    try:
        namespace.serve(31001, "one")
        haproxy.start(
            LoadBalancer(
                routes=tuple(Route(host, "", ("one_1",)) for host in sorted(hosts)),
                backends=(Backend("one_1", Mode.HTTP, "roundrobin", (server,)),),
            )
        )
        yield namespace
    finally:
        haproxy.close()
        namespace.close()


def statuses(lb, sni, *hosts):
    """Of requests for each host on one connection whose client named `sni` ('' none)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def talk():
        connection = HTTPConnection("127.0.0.1", 443, timeout=10)
        plain = socket.create_connection(("127.0.0.1", 443), timeout=10)
        connection.sock = context.wrap_socket(plain, server_hostname=sni or None)
        found = []
        try:
            for host in hosts:
                connection.request("GET", "/", headers={"Host": host})
                answer = connection.getresponse()
                answer.read()
                found.append(answer.status)
        finally:
            connection.close()
        return found

    return lb.connect(talk)


@pytest.mark.parametrize(
    ("sni", "host"),
    [
        ("a.example", "b.example"),
        ("A.example", "B.example:443"),
        ("b.example", "a.example"),
        ("b.example", "x.w.example"),
        ("x.w.example", "b.example"),
        ("a.example", "none.example"),
        ("a.example", "z.y.w.example"),
    ],
)
def test_a_host_that_the_certificate_is_not_for_has_to_be_asked_anew(lb, sni, host):
    assert statuses(lb, sni, host) == [421]


def test_what_the_certificate_is_for_may_share_a_connection(lb):
    hosts = ("a.example", "A.example.", "shared.example:443", "x.w.example", "y.w.example", "a.example")
    assert statuses(lb, "a.example", *hosts) == [200] * len(hosts)
    assert statuses(lb, "x.w.example", "y.w.example", "shared.example") == [200, 200]
    assert statuses(lb, "b.example", "shared.example", "b.example") == [200, 200]


def test_the_connection_goes_on_behind_a_misdirected_request(lb):
    assert statuses(lb, "a.example", "a.example", "b.example", "a.example") == [200, 421, 200]


@pytest.mark.parametrize("sni", ["", "none.example", "lb.internal"])
def test_who_names_no_host_or_one_that_no_certificate_is_for_is_served(lb, sni):
    assert statuses(lb, sni, "a.example", "b.example", "none.example") == [200, 200, 200]


def multiplexed(lb, sni, *hosts):
    """(protocol, (status, body) of a request for each host), all at once on one connection of HTTP/2."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])

    def talk():
        plain = socket.create_connection(("127.0.0.1", 443), timeout=30)
        with plain, context.wrap_socket(plain, server_hostname=sni) as secure:
            protocol, talking = secure.selected_alpn_protocol(), H2Connection()
            talking.initiate_connection()
            streams = {}
            for host in hosts:
                stream = talking.get_next_available_stream_id()
                names = {":method": "GET", ":scheme": "https", ":authority": host, ":path": "/"}
                talking.send_headers(stream, list(names.items()), end_stream=True)
                streams[stream] = [0, b""]
            secure.sendall(talking.data_to_send())
            ended = 0
            while ended < len(hosts):
                received = secure.recv(65536)
                assert received, "the connection was closed"
                for event in talking.receive_data(received):
                    if isinstance(event, ResponseReceived):
                        streams[event.stream_id][0] = int(dict(event.headers)[b":status"])
                    elif isinstance(event, DataReceived):
                        streams[event.stream_id][1] += event.data
                    ended += isinstance(event, StreamEnded)
                secure.sendall(talking.data_to_send())
            return protocol, [(status, body[:3]) for status, body in streams.values()]

    return lb.connect(talk)


def test_http_2_is_spoken_to_who_offers_it(lb):
    hosts = ("a.example", "x.w.example", "shared.example")
    assert multiplexed(lb, "a.example", *hosts) == ("h2", [(200, b"one")] * 3)


def test_a_connection_of_http_2_that_is_used_for_another_host_is_told_so(lb):
    protocol, answers = multiplexed(lb, "a.example", "a.example", "b.example", "y.w.example")
    assert protocol == "h2"
    assert [status for status, _ in answers] == [200, 421, 200]
