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
        ('address = "10.0.0.250"', 'address = "10.0.0.256"', ["vip.address", "not an IPv4"]),
        ('address = "10.0.0.250"', 'address = "224.0.0.1"', ["vip.address", "of a host"]),
        (
            'address = "10.0.0.250"\ninterface = "eth0"\nvirtual_router_id = 250',
            'address = "10.0.1.0"',
            ["vip.virtual_router_id", "0 is not"],
        ),
        ('when_none_works = "keep"', 'when_none_works = "hold"', ["cluster.when_none_works", "release"]),
        ("prefers = []", 'prefers = ["slave-9"]', ["vip.prefers", "slave-1, slave-2"]),
        ("groups = []", 'groups = [""]', ["vip.groups", "HAPROXY_GROUP"]),
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
        ('domain = ""', 'domain = "http://Shop.example.com/"', ["dns.domain", "write shop.example.com"]),
        ('domain = ""', 'domain = "*.example.com"', ["dns.domain", "wildcard", "write example.com"]),
        ('domain = ""', 'domain = "bücher.example"', ["dns.domain", "write xn--bcher-kva.example"]),
        ('domain = ""', 'domain = "10.0.0.250"', ["dns.domain", "no domain"]),
        ("servers = []", 'servers = ["ns1.example.com"]', ["dns.servers", "not an IP address"]),
        ('default_app = ""', 'default_app = "shop"', ["lb.default_app", "/shop:1"]),
        (
            'statistics_bind = ["*"]',
            'statistics_bind = ["all"]',
            ["access.statistics_bind", "nor vip"],
        ),
        ('app_id_bind = ["*"]', "app_id_bind = []", ["access.app_id_bind", '["*"] is all']),
        ("admin_networks = []", 'admin_networks = ["10.0.0.0/40"]', ["access.admin_networks", "10.0.0.0/8"]),
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


MORE = """
[[more_vips]]
address = "10.0.0.251"
groups = ["internal"]
prefers = ["slave-2"]
[[more_vips]]
address = "FD00:0::1:fb"
"""


def test_more_vips_stand_beside_the_first():
    wanted = settings.parse(TEXT + MORE, "appliance.toml")
    assert [vip.address for vip in wanted.vips] == ["10.0.0.250", "10.0.0.251", "fd00::1:fb"]
    assert [vip.family for vip in wanted.vips] == [4, 4, 6]
    assert settings.parse(settings.render(wanted), "appliance.toml") == wanted


def test_a_virtual_router_id_that_nobody_gives_is_the_last_octet():
    wanted = settings.parse(TEXT + MORE, "appliance.toml")
    assert [vip.virtual_router_id for vip in wanted.vips] == [250, 251, 251]


def test_a_vip_without_groups_serves_those_of_the_load_balancer():
    wanted = settings.parse(TEXT + MORE, "appliance.toml")
    assert wanted.grouped
    assert not GOOD.grouped
    assert [wanted.groups_of(vip) for vip in wanted.vips] == [("external",), ("internal",), ("external",)]


def test_a_vip_prefers_nodes_by_name_and_a_newcomer_comes_last():
    wanted = settings.parse(TEXT + MORE, "appliance.toml")
    (second, *_) = wanted.more_vips
    grown = settings.Cluster("10.0.0.3", (*wanted.cluster.nodes, settings.Node("slave-3", "10.0.0.3")))
    assert [node.name for node in wanted.cluster.preferring(second)] == ["slave-2", "slave-1"]
    assert [node.name for node in grown.preferring(second)] == ["slave-2", "slave-1", "slave-3"]
    assert (wanted.cluster.rank_for(second), grown.rank_for(second)) == (0, 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('address = "10.0.0.250"', ["more_vips[0].address", "stands there twice"]),
        ('address = "10.0.1.250"', ["more_vips[0].virtual_router_id", "that of 10.0.0.250"]),
        ('adress = "10.0.1.250"', ["more_vips[0].adress", "did you mean 'address'"]),
        ('address = "10.0.0.1"', ["more_vips[0].address", "a node's own address"]),
    ],
)
def test_a_mistake_in_a_further_vip_names_it(text, words):
    with pytest.raises(SettingsError) as caught:
        settings.parse(f"{TEXT}\n[[more_vips]]\n{text}\n", "appliance.toml")
    for word in words:
        assert word in str(caught.value)
