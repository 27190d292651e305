from __future__ import annotations

import ipaddress

import pytest

from appliance.settings import Node
from appliance.setup import discover


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("zk://a:2181,b:2181/mesos\n", ("a", "b")),
        ("zk://user:pass@10.0.0.1:2181,10.0.0.2:2181/mesos", ("10.0.0.1", "10.0.0.2")),
        ("zk://a/mesos", ("a",)),
        ("zk://a:2181", ("a",)),
        ("", ()),
        ("http://a:2181/mesos", ()),
        ("# zk://a:2181/mesos", ()),
    ],
)
def test_the_hosts_of_a_zookeeper_line(text, hosts):
    assert discover.zookeeper_hosts(text) == hosts


def test_the_slaves_own_line_is_read_below_the_root(tmp_path):
    assert discover.slave_masters(tmp_path) == ()
    (tmp_path / "etc/mesos").mkdir(parents=True)
    (tmp_path / "etc/mesos/zk").write_text("zk://m1:2181,m2:2181/mesos\n")
    assert discover.slave_masters(tmp_path) == ("m1", "m2")


def slave(pid, *, active=True, hostname="s"):
    return {"pid": pid, "active": active, "hostname": hostname}


def test_active_agents_of_the_subnet_by_address():
    listed = [
        slave("slave(1)@10.0.0.30:5051", hostname="c"),
        slave("slave(1)@10.0.0.4:5051", hostname="b"),
        slave("slave(1)@10.0.0.5:5051", active=False),
        slave("slave(1)@10.0.1.6:5051"),
        slave("slave(1)@[::1]:5051"),
        slave(None),
        {"active": True},
        "nonsense",
    ]
    subnet = ipaddress.IPv4Network("10.0.0.0/24")
    assert discover.agents_in(listed, subnet) == (Node("b", "10.0.0.4"), Node("c", "10.0.0.30"))
