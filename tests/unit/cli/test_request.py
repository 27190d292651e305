"""What flags and a node's settings come to."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from appliance import settings
from appliance.cli import flags, request
from appliance.errors import UsageError
from appliance.services.model import Conflict, Vip
from appliance.services.policy import Owner, Policy

NODE = settings.Settings(
    settings.Vip("10.77.0.250", "eth0", 250),
    settings.Cluster(
        "10.77.0.237", (settings.Node("slave-1", "10.77.0.237"), settings.Node("slave-2", "10.77.0.238"))
    ),
    settings.Marathon(("http://127.0.0.1:8080",)),
    settings.LoadBalancer(
        certificates=("/etc/pki",),
        certificate_folders=("/etc/pki/apps",),
        compression=True,
        archive_versions=9,
        ip_per_task_ports=(0, 0),
        group_https_by_vhost=True,
    ),
    settings.Policy(
        denied_templates=("*",),
        conflicts="first",
        owners=(settings.Owner(("/shop",), ("shop.example",), ("80", "10000-10099")),),
    ),
    access=settings.Access(statistics_bind=("127.0.0.1", "vip"), admin_networks=("10.9.0.0/16",)),
)


@pytest.fixture
def asked():
    root = Path(tempfile.mkdtemp(prefix="tr-", dir="/tmp"))  # unix sockets below it need a short path
    etc = root / "etc/marathon-ha-appliance"
    etc.mkdir(parents=True)
    (etc / "appliance.toml").write_text(settings.render(NODE))
    yield lambda *words: request.read(flags.build().parse_args(["--root", str(root), *words]))
    shutil.rmtree(root)


def test_a_node_does_what_its_settings_say(asked):
    found = asked()
    assert found.selection.groups == ("external",)
    assert found.selection.compression
    assert found.selection.conflict is Conflict.FIRST
    assert found.selection.assigned_ports is None
    owner = Owner(("/shop",), ("shop.example",), ((80, 80), (10000, 10099)))
    assert found.selection.policy == Policy((), ("*",), (owner,))
    assert found.options.certificates == ("/etc/pki",)
    assert found.options.certificate_folders == ("/etc/pki/apps",)
    assert found.options.group_https_by_vhost
    assert found.options.archive_versions == 9


def test_access_and_switches_come_from_settings_or_flags(asked):
    access = asked().options.access
    assert access.statistics == ("127.0.0.1:9090", "10.77.0.250:9090 transparent")
    assert access.app_ids == ("*:9091",)
    assert access.trusted == ("10.77.0.238", "10.9.0.0/16")
    found = asked(
        *("--statistics-bind", "*", "--admin-networks", "", "--app-id-networks", "10.1.0.0/16, 10.2.0.3"),
        *("--default-app", "/shop:1", "--drop-x-forwarded-proto", "--prefer-host-ports"),
    )
    assert found.options.access.statistics == ("*:9090",)
    assert found.options.access.trusted == ("10.77.0.238",)
    assert found.options.access.app_id_networks == ("10.1.0.0/16", "10.2.0.3")
    assert found.options.drop_forwarded_proto
    assert found.prefer_host_ports
    assert found.selection.default_app == ("/shop", 1)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--statistics-bind", "everywhere"), "--statistics-bind: 'everywhere'"),
        (("--admin-networks", "10.0.0.0/99"), "--admin-networks: '10.0.0.0/99'"),
        (("--default-app", "shop"), "--default-app: 'shop'"),
    ],
)
def test_a_wrong_flag_is_named(asked, words, named):
    with pytest.raises(UsageError, match=re.escape(named)):
        asked(*words)


def test_flags_outweigh_settings(asked):
    found = asked(
        *("--group", "internal", "--ssl-certs", "/a.pem,/b", "--archive-versions", "0"),
        *("--min-serv-port-ip-per-task", "100", "--max-serv-port-ip-per-task", "200"),
    )
    assert found.selection.groups == ("internal",)
    assert found.selection.assigned_ports == (100, 200)
    assert found.options.certificates == ("/a.pem", "/b")
    assert found.options.archive_versions == 0


@pytest.fixture
def asked_of_two_vips():
    root = Path(tempfile.mkdtemp(prefix="tr-", dir="/tmp"))
    etc = root / "etc/marathon-ha-appliance"
    etc.mkdir(parents=True)
    two = replace(
        NODE,
        lb=settings.LoadBalancer(),
        more_vips=(settings.Vip("fd77::251", "eth0", 251, groups=("internal",)),),
    )

    def ask(*words, node=two):
        (etc / "appliance.toml").write_text(settings.render(node))
        return request.read(flags.build().parse_args(["--root", str(root), *words])), two

    yield ask
    shutil.rmtree(root)


def test_vips_with_groups_serve_their_groups_and_nothing_else_is_read(asked_of_two_vips):
    found, _ = asked_of_two_vips()
    assert found.selection.vips == (Vip("10.77.0.250", ("external",)), Vip("fd77::251", ("internal",)))
    assert found.selection.groups == ("external", "internal")
    assert found.options.more_addresses == ()


def test_without_groups_an_ipv6_vip_is_bound_besides(asked_of_two_vips):
    _, two = asked_of_two_vips()
    plain = replace(two, more_vips=(replace(two.more_vips[0], groups=()),))
    found, _ = asked_of_two_vips(node=plain)
    assert found.selection.vips == ()
    assert found.options.more_addresses == ("fd77::251",)


def test_a_flag_names_groups_for_all_addresses(asked_of_two_vips):
    found, _ = asked_of_two_vips("--group", "other")
    assert (found.selection.groups, found.selection.vips) == (("other",), ())
