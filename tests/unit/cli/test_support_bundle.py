"""A support bundle has what helps, and none of the node's secrets."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from pathlib import Path

import pytest

from appliance.cli import appliance
from appliance.paths import Paths
from appliance.settings import Cluster, Marathon, Node, Settings, Vip, render

PASSWORD = "tr0ub4dor&3"
SECRETS = {
    "marathon": PASSWORD,
    "cluster": "c0ffee" * 8,
    "node": "deadbeef" * 8,
    "vrrp": "vrrpsecret",
    "app": "$6$salt$hashofapassword",
    "zookeeper": "zkpassword",
    "token": "eyJhbGciOiJIUzI1NiJ9.payload",
    "key": "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
}
KEY = f"-----BEGIN PRIVATE KEY-----\n{SECRETS['key']}\n-----END PRIVATE KEY-----\n"

pytestmark = pytest.mark.usefixtures("root")


@pytest.fixture
def paths():
    root = Path(tempfile.mkdtemp(prefix="t", dir="/tmp"))
    try:
        yield node(Paths(root))
    finally:
        shutil.rmtree(root)


def node(made):
    for folder in (made.etc, made.lb_run, made.health_run, made.keepalived_run, made.haproxy, made.log):
        folder.mkdir(parents=True)
    own = Settings(
        Vip("192.0.2.250", "lo", 250),
        Cluster("127.0.0.1", (Node("slave-1", "127.0.0.1"),)),
        Marathon(("http://127.0.0.1:9",), credentials_file=str(made.credentials)),
    )
    made.settings.write_text(
        render(own) + f"# was zk://mesos:{SECRETS['zookeeper']}@10.0.0.1:2181/marathon\n"
    )
    made.credentials.write_text(f"anna:{PASSWORD}\n")
    made.cluster_secret.write_text(SECRETS["cluster"] + "\n")
    made.node_secret.write_text(SECRETS["node"] + "\n")
    made.keepalived_conf.write_text(f"authentication {{\n auth_type PASS\n auth_pass {SECRETS['vrrp']}\n}}\n")
    made.haproxy_cfg.write_text(f"global\nuserlist web\n  user anna password {SECRETS['app']}\nlisten x\n")
    (made.haproxy / "self-signed.pem").write_text(KEY)
    (made.log / "lb.log").write_text(
        f"asked http://anna:{PASSWORD}@m1:8080\nAuthorization: Bearer {SECRETS['token']}\n{KEY}good\n"
    )
    return made


def content(path):
    with tarfile.open(path) as made:
        return {name.partition("/")[2]: made.extractfile(name).read().decode() for name in made.getnames()}


def test_what_helps_is_there_and_no_secret(paths, tmp_path, capsys):
    target = tmp_path / "b.tar.gz"
    assert appliance.main(["--root", str(paths.root), "support-bundle", "-o", str(target)]) == 0
    assert target.stat().st_mode & 0o777 == 0o600
    found = content(target)
    listed = capsys.readouterr().out
    for name in ("status.json", "etc/appliance.toml", "haproxy/haproxy.cfg", "log/lb.log", "versions.txt"):
        assert name in found
        assert f"  {name}  " in listed
    for name, text in found.items():
        for kind, secret in SECRETS.items():
            assert secret not in text, (kind, name)
    assert "userlist web" in found["haproxy/haproxy.cfg"]
    assert "good" in found["log/lb.log"]
    assert "192.0.2.250" in found["etc/appliance.toml"]
    assert not [name for name in found if name.endswith((".pem", ".secret", ".credentials"))]


def test_a_node_with_broken_settings_gives_one_too(paths, tmp_path):
    paths.settings.write_text("[vip\n")
    target = tmp_path / "b.tar.gz"
    assert appliance.main(["--root", str(paths.root), "support-bundle", "-o", str(target)]) == 0
    assert "not valid TOML" in content(target)["trouble.txt"]


def test_what_is_there_is_not_overwritten(paths, tmp_path, capsys):
    target = tmp_path / "b.tar.gz"
    target.write_text("mine")
    assert appliance.main(["--root", str(paths.root), "support-bundle", "-o", str(target)]) == 1
    assert target.read_text() == "mine"
    assert capsys.readouterr().err == f"appliance: {target}: File exists\n"
