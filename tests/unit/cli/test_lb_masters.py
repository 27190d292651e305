"""Which masters appliance-lb asks, whom it trusts, and as whom it speaks."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import pytest

from appliance.cli import flags, request
from appliance.errors import SettingsError
from appliance.marathon.access import Credentials
from appliance.marathon.dcos import Session
from appliance.marathon.ensemble import Ensemble

ACCOUNT = json.dumps({"uid": "lb", "private_key": "PEM", "login_endpoint": "https://leader/login"})
OWN = """
[vip]
address = "10.77.0.250"
interface = "eth0"
virtual_router_id = 250
[cluster]
address = "10.77.0.237"
nodes = [{ name = "slave-1", address = "10.77.0.237" }]
[marathon]
urls = ["zk://10.0.0.9:2181/marathon", "https://m1:8443"]
credentials_file = "FILE"
ca_cert = "/etc/ssl/marathon.pem"
tls_verify = false
"""


@pytest.fixture
def request_of():
    """What these flags ask for, on a node whose appliance.toml says OWN if `own`."""
    root = Path(tempfile.mkdtemp(prefix="th-", dir="/tmp"))  # unix sockets below it need a short path

    def read(*words, own=False):
        etc = root / "etc/marathon-ha-appliance"
        etc.mkdir(parents=True, exist_ok=True)
        if own:
            (root / "login").write_text("joe:s3cret\n")
            (root / "login").chmod(0o600)
            (etc / "appliance.toml").write_text(OWN.replace("FILE", str(root / "login")))
        given = ["--root", str(root), "--group", "*", "--command", "true", *words]
        return request.read(flags.build().parse_args(given))

    yield read
    shutil.rmtree(root)


def test_masters_are_named_or_found_in_zookeeper_or_both(request_of):
    asked = request_of("-m", "http://m1:8080", "zk://joe:x@a:2181,b/marathon", "-m", "http://m2:8080")
    assert asked.urls == ("http://m1:8080", "http://m2:8080")
    assert asked.ensembles == (Ensemble("a:2181,b", "/marathon", "joe:x"),)
    assert "joe" not in repr(asked)


def test_a_node_uses_its_settings(request_of):
    asked = request_of(own=True)
    assert (asked.urls, [str(one) for one in asked.ensembles]) == (
        ("https://m1:8443",),
        ["zk://10.0.0.9:2181/marathon"],
    )
    assert (asked.login, asked.ca_cert) == (Credentials("joe", "s3cret"), "/etc/ssl/marathon.pem")
    assert not asked.tls_verify


def test_masters_on_the_command_line_get_no_trust_meant_for_others(request_of):
    asked = request_of("-m", "http://other:8080", own=True)
    assert (asked.login, asked.ca_cert, asked.tls_verify) == (None, "", True)


def test_verification_is_switched_off_by_that_flag_alone(request_of):
    assert request_of("-m", "https://m1").tls_verify
    assert not request_of("-m", "https://m1", "--marathon-insecure").tls_verify


def test_a_service_account_comes_from_the_flag(request_of):
    assert isinstance(request_of("--dcos-auth-credentials", ACCOUNT).login, Session)
    with pytest.raises(SettingsError, match="--dcos-auth-credentials"):
        request_of("--dcos-auth-credentials", "{}")


@pytest.mark.parametrize(
    "url",
    [
        "zk://",
        "zk:///marathon",
        "zk://a:2181",
        "zk://a:2181/",
        "zk://a b/marathon",
        "zk://joe:SECRET@/m",
        "zk://a:x/m",
    ],
)
def test_a_wrong_zookeeper_url_is_said_without_its_password(url):
    with pytest.raises(SettingsError, match=r"is not zk://HOST:2181,HOST:2181/marathon") as caught:
        Ensemble.parse(url)
    assert "SECRET" not in str(caught.value)
