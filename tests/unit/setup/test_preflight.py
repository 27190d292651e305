from __future__ import annotations

import socket
import struct

import pytest

from appliance.setup import network, ports, preflight
from appliance.setup.model import Level


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ("HAProxy version 2.6.12-1+deb12u2 2025/04/16 - https://haproxy.org/", Level.OK),
        ("HA-Proxy version 2.2.9-2+deb11u6 2023/08/14", Level.FAIL),
        ("HAProxy version 3.0.11", Level.OK),
        ("HA-Proxy version 1.8.27-1", Level.FAIL),
        ("HA-Proxy version 2.0.13", Level.FAIL),
        ("", Level.WARN),
    ],
)
def test_an_old_haproxy_is_refused(said, level):
    finding = preflight.haproxy_version(said)
    assert finding.level is level
    assert finding.exit_code == (69 if level is Level.FAIL else 1)


def test_the_process_that_listens_on_a_port_is_named():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (listener,) = ports.listeners([port])
        assert listener.port == port
        assert str(listener.pid) in str(listener)
    assert ports.listeners([port]) == ()


def packet(kind, vrid, priority, *addresses):
    body = struct.pack("!BBBBHH", 0x30 | kind, vrid, priority, len(addresses), 10, 0)
    body += b"".join(map(socket.inet_aton, addresses))
    return bytes([0x45]) + bytes(11) + socket.inet_aton("10.0.0.7") + socket.inet_aton("224.0.0.18") + body


def test_a_vrrp_packet_is_read():
    advert = network.advert_of(packet(1, 77, 150, "10.0.0.250", "10.0.0.251"))
    assert advert == network.Advert("10.0.0.7", 77, 150, ("10.0.0.250", "10.0.0.251"))


def test_what_is_no_advertisement_is_left_alone():
    assert network.advert_of(packet(2, 77, 150)) is None
    assert network.advert_of(b"") is None
    assert network.advert_of(packet(1, 77, 150)[:24]) is None


def test_a_list_cut_short_gives_whole_addresses_only():
    assert network.advert_of(packet(1, 77, 150, "10.0.0.250", "10.0.0.251")[:-2]).addresses == ("10.0.0.250",)
