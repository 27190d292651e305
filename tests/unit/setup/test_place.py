from __future__ import annotations

import ipaddress

import pytest

from appliance.interfaces import Interface
from appliance.setup import place
from appliance.setup.model import Finding, Place


def interface(name, *addresses):
    return Interface(name, tuple(ipaddress.IPv4Interface(address) for address in addresses))


LAN = interface("eth0", "10.0.0.2/24")
DOCKER = interface("docker0", "172.17.0.1/16")


def test_the_interface_whose_subnet_holds_the_vip():
    found = place.choose([DOCKER, LAN], "10.0.0.250")
    assert found == Place("eth0", "10.0.0.2", ipaddress.IPv4Network("10.0.0.0/24"))


def test_a_vip_that_this_node_holds_already_is_no_address_of_its_own():
    held = interface("eth0", "10.0.0.250/32", "10.0.0.2/24")
    assert place.choose([held], "10.0.0.250").address == "10.0.0.2"


def test_of_several_interfaces_one_has_to_be_named():
    second = interface("eth1", "10.0.0.3/24")
    refused = place.choose([LAN, second], "10.0.0.250")
    assert "--interface" in str(refused)
    assert "eth0, eth1" in str(refused)
    assert place.choose([LAN, second], "10.0.0.250", "eth1").address == "10.0.0.3"


@pytest.mark.parametrize(
    ("vip", "name", "words"),
    [
        ("10.0.1.250", "", ["10.0.1.250 lies in no subnet", "10.0.0.0/24 (eth0)", "172.17.0.0/16 (docker0)"]),
        ("10.0.0.250", "docker0", ["no subnet of docker0"]),
        ("10.0.0.250", "eth7", ["no interface 'eth7'"]),
        ("10.0.0.2", "", ["this machine's own address"]),
        ("10.0.0.0", "", ["network or broadcast"]),
        ("10.0.0.255", "", ["network or broadcast"]),
    ],
)
def test_a_vip_that_fits_nowhere_is_refused_with_what_there_is(vip, name, words):
    refused = place.choose([DOCKER, LAN], vip, name)
    assert isinstance(refused, Finding)
    for word in words:
        assert word in str(refused)


def test_the_virtual_router_id_is_what_was_asked_else_kept_else_the_last_octet():
    assert place.virtual_router_id("10.0.0.250", 7, 8) == 7
    assert place.virtual_router_id("10.0.0.250", None, 8) == 8
    assert place.virtual_router_id("10.0.0.250", None, None) == 250
    assert place.virtual_router_id("10.0.0.254", None, None, {254, 255, 1}) == 2
    assert place.virtual_router_id("10.0.4.0", None, None, {1}) == 2
    refused = place.virtual_router_id("10.0.4.0", None, None, range(256))
    assert "all 255" in str(refused)
