from __future__ import annotations

import pytest

from appliance.errors import SettingsError, UsageError
from appliance.lab.topology import NAMESPACES, topology


def test_the_machines_have_the_last_octets_of_the_deployment():
    lab = topology()
    assert {m.name: m.address for m in lab.machines} == {
        "mha-master": "10.77.0.233",
        "mha-slave-1": "10.77.0.237",
        "mha-slave-2": "10.77.0.238",
        "mha-slave-3": "10.77.0.239",
        "mha-client": "10.77.0.10",
    }
    assert lab.vip == "10.77.0.250"
    assert lab.marathon == "http://10.77.0.233:8080"
    assert lab.marathons(2) == ("http://10.77.0.233:8080", "http://10.77.0.233:8081")
    assert set(NAMESPACES) == {"mha-switch", *(m.name for m in lab.machines)}


def test_another_network_moves_machines_and_vip():
    lab = topology("172.20.4.0/22")
    assert (lab.slaves[0].address, lab.vip, lab.prefix_length) == ("172.20.4.237", "172.20.4.250", 22)


def test_the_vip_can_be_chosen():
    assert topology(vip="10.77.0.99").vip == "10.77.0.99"


@pytest.mark.parametrize(
    ("network", "vip", "complaint"),
    [
        ("10.77.0.1/24", None, "host bits"),
        ("nonsense", None, "--network"),
        ("10.77.0.0/25", None, "/24 or larger"),
        ("10.77.0.0/24", "10.78.0.1", "not in the lab's network"),
        ("10.77.0.0/24", "somewhere", "not an IPv4 address"),
        ("10.77.0.0/24", "10.77.0.238", "mha-slave-2"),
    ],
)
def test_what_cannot_be_a_lab_is_refused_with_the_flag_at_fault(network, vip, complaint):
    with pytest.raises(SettingsError, match=complaint):
        topology(network, vip)


def test_a_machine_is_found_by_its_full_and_by_its_short_name():
    lab = topology()
    assert lab.machine("slave-2") == lab.machine("mha-slave-2")


def test_an_unknown_machine_is_a_usage_error_that_names_the_known_ones():
    with pytest.raises(UsageError, match="mha-slave-3"):
        topology().machine("slave-4")


def test_the_client_is_no_slave():
    with pytest.raises(UsageError, match="no slave"):
        topology().slave("client")
