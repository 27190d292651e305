"""The load balancer as an app: posted by the tutorial's curl, started by a shell on any slave."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from appliance.cli import flags
from appliance.errors import SettingsError
from appliance.settings import Access, LoadBalancer, Marathon
from appliance.setup.app import definition

PROGRAM = Path("/usr/bin/appliance-lb")


def arguments(marathon, lb, access=Access()):  # noqa: B008 - frozen
    """Its command line as appliance-lb reads it."""
    words = shlex.split(definition(PROGRAM, marathon, lb, access)["cmd"])
    assert words[:4] == ["exec", str(PROGRAM), "run", "sse"]
    return flags.build().parse_args(words[4:])


def test_it_has_the_shape_of_marathon_lbs_own_app():
    made = definition(PROGRAM, Marathon(("http://182.48.115.233:8080",)), LoadBalancer(), Access())
    assert (made["id"], made["instances"]) == ("marathon-lb", 1)
    assert made["constraints"] == [["hostname", "UNIQUE"]]
    assert made["cmd"] == (
        "exec /usr/bin/appliance-lb run sse -m http://182.48.115.233:8080 --group external"
    )


def test_all_masters_and_groups_are_named():
    read = arguments(Marathon(("http://a:8080", "zk://b:2181/marathon")), LoadBalancer(("one", "*")))
    assert read.marathon == ["http://a:8080", "zk://b:2181/marathon"]
    assert read.group == ["one", "*"]


def test_this_nodes_options_go_with_it():
    marathon = Marathon(("https://a",), credentials_file="/etc/c", ca_cert="/etc/a b.pem", tls_verify=False)
    lb = LoadBalancer(
        strict_mode=True,
        health_check=True,
        bind_http_https=False,
        haproxy_map=True,
        group_https_by_vhost=True,
        certificates=("/etc/x.pem", "/etc/y"),
        prefer_host_ports=True,
        drop_forwarded_proto=True,
        default_app="/shop:1",
    )
    read = arguments(marathon, lb)
    assert (read.marathon_auth_credential_file, read.marathon_ca_cert) == ("/etc/c", "/etc/a b.pem")
    assert read.ssl_certs == "/etc/x.pem,/etc/y"
    assert all((read.marathon_insecure, read.strict_mode, read.health_check, read.dont_bind_http_https))
    assert all((read.haproxy_map, read.group_https_by_vhost, read.prefer_host_ports))
    assert (read.drop_x_forwarded_proto, read.default_app) == (True, "/shop:1")


def test_who_may_use_it_goes_with_it_and_the_node_can_always_look_at_it():
    access = Access(statistics_bind=("10.0.0.1",), admin_networks=("10.1.0.0/16", "10.2.0.0/16"))
    read = arguments(Marathon(("http://a",)), LoadBalancer(), access)
    assert read.statistics_bind == "10.0.0.1,127.0.0.1"
    assert read.admin_networks == "10.1.0.0/16,10.2.0.0/16"
    assert (read.app_id_bind, read.statistics_networks) == (None, None)
    with pytest.raises(SettingsError, match=r"access.app_id_bind: 'vip'"):
        arguments(Marathon(("http://a",)), LoadBalancer(), Access(app_id_bind=("vip",)))
