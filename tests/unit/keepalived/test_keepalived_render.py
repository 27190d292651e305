"""keepalived.conf as text; keepalived's own check of it is among the integration tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance import settings
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


def configuration(own, count):
    addresses = [f"10.77.0.{237 + n}" for n in range(count)]
    nodes = ", ".join(f'{{ name = "slave-{n}", address = "{it}" }}' for n, it in enumerate(addresses, 1))
    wanted = settings.parse(TOML.format(address=addresses[own], nodes=nodes), "appliance.toml")
    return render.configuration(model.instance(wanted), Paths(Path("/")))


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
