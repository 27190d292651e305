from __future__ import annotations

import pytest

from appliance import settings
from appliance.errors import SettingsError

GOOD = settings.Settings(
    vip=settings.Vip("10.0.0.250", "eth0", 250),
    cluster=settings.Cluster(
        "10.0.0.2", (settings.Node("slave-1", "10.0.0.1"), settings.Node("slave-2", "10.0.0.2"))
    ),
    marathon=settings.Marathon(("http://10.0.0.9:8080",)),
)
TEXT = settings.render(GOOD)


def test_what_is_written_is_read_back():
    assert settings.parse(TEXT, "appliance.toml") == GOOD


def test_the_order_of_nodes_is_their_rank():
    assert GOOD.cluster.rank == 1
    assert [peer.name for peer in GOOD.cluster.peers] == ["slave-1"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[vip]", "[vip", ["not valid TOML", "line 3"]),
        ("[vip]", "[vpi]", ["unknown key 'vpi'", "'vip'"]),
        ("interface", "interfaces", ["unknown key 'vip.interfaces'", "'interface'"]),
        ('{ name = "slave-1"', '{ nam = "slave-1"', ["cluster.nodes[0].nam", "'name'"]),
        ("virtual_router_id = 250", "virtual_router_id = 256", ["vip.virtual_router_id", "1 to 255"]),
        ("virtual_router_id = 250", 'virtual_router_id = "x"', ["vip.virtual_router_id", "int"]),
        ("virtual_router_id = 250\n", "", ["vip.virtual_router_id", "required"]),
        ('address = "10.0.0.250"', 'address = "10.0.0.256"', ["vip.address", "not an IPv4"]),
        ('address = "10.0.0.250"', 'address = "10.0.0.1"', ["vip.address", "a node's own address"]),
        ('address = "10.0.0.2"\n', 'address = "10.0.0.7"\n', ["cluster.address", "not among cluster.nodes"]),
        ("http://10.0.0.9:8080", "10.0.0.9:8080", ["marathon.urls", "http://"]),
        ("advert_interval_s = 0.1", "advert_interval_s = 0.001", ["vip.advert_interval_s", "seconds"]),
        ('mode = "local"', 'mode = "Local"', ["lb.mode", "local, floating"]),
        ("archive_versions = 5", "archive_versions = -1", ["lb.archive_versions", "0 to 1000"]),
        ("generations = 20", "generations = 1", ["lb.generations", "2 to 1000"]),
        ("threads = 0", "threads = 65", ["lb.threads", "0 to 64"]),
        ("[10050, 10100]", "[10100, 10050]", ["lb.ip_per_task_ports", "no range"]),
        ("certificates = []", 'certificates = ["a.pem"]', ["lb.certificates", "no absolute path"]),
        ('conflicts = "share"', 'conflicts = "shared"', ["policy.conflicts", "share, first, reject"]),
        (
            "denied_labels = []",
            'denied_labels = ["HAPROXY_0_AUTH"]',
            ["policy.denied_labels", "without HAPROXY_"],
        ),
        ("owners = []", 'owners = [{ apps = ["/a"] }]', ["policy.owners[0]", "neither vhosts nor ports"]),
        (
            "owners = []",
            'owners = [{ apps = ["a"], ports = ["1"] }]',
            ["policy.owners[0].apps", "start with /"],
        ),
        (
            "owners = []",
            'owners = [{ apps = ["/a"], ports = ["9-1"] }]',
            ["policy.owners[0].ports", "10000-10099"],
        ),
    ],
)
def test_a_mistake_is_one_line_with_file_and_key(old, new, words):
    assert old in TEXT
    with pytest.raises(SettingsError) as caught:
        settings.parse(TEXT.replace(old, new, 1), "/etc/appliance.toml")
    message = str(caught.value)
    assert message.startswith("/etc/appliance.toml: ")
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_missing_file_says_what_to_run(tmp_path):
    with pytest.raises(SettingsError, match="appliance-setup --vip"):
        settings.load(tmp_path / "appliance.toml")
