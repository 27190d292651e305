"""keepalived.conf as text; keepalived's own check of it is among the integration tests."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from appliance import settings
from appliance.interfaces import Interface
from appliance.keepalived import model, render
from appliance.paths import Paths

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "keepalived"

TOML = """
[vip]
address = "10.77.0.250"
interface = "eth0"
virtual_router_id = 250
[cluster]
address = "{address}"
nodes = [{nodes}]
[marathon]
urls = ["http://10.77.0.233:8080"]
"""


SECOND = """
[[more_vips]]
address = "10.77.0.251"
interface = "eth0"
prefers = ["slave-2", "slave-3"]
"""
OTHER_NETWORK = """
[[more_vips]]
address = "10.88.0.251"
"""
IPV6 = """
[[more_vips]]
address = "fd77::0:250"
interface = "eth0"
"""


def configuration(own, count, more=""):
    addresses = [f"10.77.0.{237 + n}" for n in range(count)]
    nodes = ", ".join(f'{{ name = "slave-{n}", address = "{it}" }}' for n, it in enumerate(addresses, 1))
    text = TOML.format(address=addresses[own], nodes=nodes) + more
    wanted = settings.parse(text, "appliance.toml")
    present = (
        Interface("eth0", (ipaddress.ip_interface(f"{addresses[own]}/24"),)),
        Interface("eth1", (ipaddress.ip_interface(f"10.88.0.{own + 1}/24"),)),
    )
    instances = model.instances(wanted, present)
    return render.configuration(wanted.cluster.node.name, instances, Paths(Path("/")))


def instance(text, name):
    return text[text.index(f"vrrp_instance {name} {{") :].split("\n}\n")[0]


@pytest.mark.parametrize(("own", "count", "name"), [(1, 3, "three-nodes.conf"), (0, 1, "multicast.conf")])
def test_the_configuration_is_the_recorded_one(own, count, name):
    assert configuration(own, count) == (GOLDEN / name).read_text()


@pytest.mark.parametrize(("own", "base"), list(enumerate([82, 72, 62, 52, 42])))
def test_the_base_priority_follows_the_rank(own, base):
    assert f"\n  priority {base}\n" in configuration(own, 5)


def test_all_other_nodes_are_unicast_peers():
    text = configuration(1, 3)
    peers = text[text.index("unicast_peer {") :].split("}")[0]
    assert peers.split()[2:] == ["10.77.0.237", "10.77.0.239"]
    assert "unicast_src_ip 10.77.0.238" in text


@pytest.mark.parametrize(
    "word", ["nopreempt", "vrrp_strict", "vrrp_rt_priority", "state MASTER", "vrrp_script"]
)
def test_options_with_a_trap_stay_out(word):
    assert word not in configuration(0, 3)


def test_a_second_vip_is_a_second_instance_on_the_same_track_file():
    text = configuration(1, 3, SECOND)
    second = instance(text, "LB-10.77.0.251")
    assert "virtual_router_id 251" in second
    assert "10.77.0.251/32 dev eth0" in second
    assert "track_file {\n    lb" in second
    assert text.count("track_file lb {") == 1
    assert instance(text, "LB") == instance(configuration(1, 3), "LB")


def test_each_vip_has_the_order_of_nodes_that_it_prefers():
    bases = [instance(configuration(own, 4, SECOND), "LB-10.77.0.251") for own in range(4)]
    assert [text.split("priority ")[1].split()[0] for text in bases] == ["62", "82", "72", "52"]


def test_a_vip_of_another_network_speaks_multicast_there():
    second = instance(configuration(0, 3, OTHER_NETWORK), "LB-10.88.0.251")
    assert "interface eth1" in second
    assert "10.88.0.251/32 dev eth1" in second
    assert "unicast" not in second
    assert "mcast_src_ip" not in second


def test_an_ipv6_vip_has_its_own_family_and_multicast():
    second = instance(configuration(0, 3, IPV6), "LB-fd77::250")
    assert "fd77::250/128 dev eth0" in second
    assert "virtual_router_id 80" in second
    assert "unicast" not in second
