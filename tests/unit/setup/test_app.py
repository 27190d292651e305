"""The load balancer as an app: posted by the tutorial's curl, started by a shell on any slave."""

from __future__ import annotations

import shlex
from pathlib import Path

from appliance.cli import flags
from appliance.settings import LoadBalancer, Marathon
from appliance.setup.app import definition

PROGRAM = Path("/usr/bin/appliance-lb")


def arguments(marathon, lb):
    """Its command line as appliance-lb reads it."""
    words = shlex.split(definition(PROGRAM, marathon, lb)["cmd"])
    assert words[:4] == ["exec", str(PROGRAM), "run", "sse"]
    return flags.build().parse_args(words[4:])


def test_it_has_the_shape_of_marathon_lbs_own_app():
    made = definition(PROGRAM, Marathon(("http://182.48.115.233:8080",)), LoadBalancer())
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
    )
    read = arguments(marathon, lb)
    assert (read.marathon_auth_credential_file, read.marathon_ca_cert) == ("/etc/c", "/etc/a b.pem")
    assert read.ssl_certs == "/etc/x.pem,/etc/y"
    assert all((read.marathon_insecure, read.strict_mode, read.health_check, read.dont_bind_http_https))
    assert all((read.haproxy_map, read.group_https_by_vhost))
