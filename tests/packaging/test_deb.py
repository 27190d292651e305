"""The .deb, installed by the apt of each Debian with that Debian's HAProxy and keepalived."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from built import NEWER, only
from debians import NAME, OWN, Debian

from appliance import __version__, commands

pytestmark = [pytest.mark.packages, pytest.mark.timeout(900)]
TRIAL = Path(__file__).with_name("trial.py")
TESTS = TRIAL.parents[1]
EDITED = "# edited by the operator\n"
COMMANDS = ("appliance", "appliance-setup", "appliance-lb")


@pytest.fixture(scope="class")
def debian(request, deb, tmp_path_factory):
    """The Debian that the class names, with the package."""
    folder = tmp_path_factory.mktemp("debian")
    made = Debian(request.cls.suite, folder)
    made.before = made.remains()
    made.install(deb)
    yield made
    shutil.rmtree(folder)


class Installed:
    """In this order, from a fresh system to a purged one."""

    def test_every_command_runs_on_that_python(self, debian):
        for command in COMMANDS:
            assert __version__ in debian.says(command, "--version")

    def test_nothing_runs_and_nothing_is_enabled_by_an_installation_alone(self, debian):
        assert not list((debian.root / "etc/systemd/system").rglob(f"{NAME}*"))
        assert not (debian.root / f"etc/{NAME}/appliance.toml").exists()
        assert "marathon-ha" in debian.says("getent", "passwd", "marathon-ha")

    def test_a_node_set_up_serves_an_app_at_the_vip(self, debian):
        env = {"PATH": commands.SYSTEM_PATH, "PYTHONPATH": str(TESTS / "integration")}
        done = commands.run(
            [*OWN, "--net", "--mount-proc", sys.executable, TRIAL, debian.root], env=env, timeout_s=600
        )
        assert done.code == 0, done.message
        told = json.loads(done.output)
        assert told["setup"]["code"] == 0, told["setup"]["said"]
        assert told["served"] == "200 task", told
        assert told["again"]["code"] == 0
        assert "nothing to change" in told["again"]["said"]
        for engine in ("haproxy", "keepalived"):
            assert told[engine]["code"] == 0, told[engine]["said"]
            assert "[ALERT]" not in told[engine]["said"]
            assert "[WARNING]" not in told[engine]["said"]
        assert told["stop"]["code"] == 0, told["stop"]["said"]

    def test_an_upgrade_keeps_what_was_edited_and_goes_back(self, debian, deb, newer):
        kept = [debian.root / f"etc/logrotate.d/{NAME}", debian.root / f"etc/{NAME}/appliance.toml"]
        kept[1].parent.mkdir(exist_ok=True)
        for path in kept:
            with path.open("a") as file:
                file.write(EDITED)
        texts = [path.read_text() for path in kept]
        debian.install(only(newer, "*_amd64.deb"))
        assert NEWER in debian.says("appliance", "--version")
        assert [path.read_text() for path in kept] == texts
        debian.install(deb, "--allow-downgrades")
        assert NEWER not in debian.says("appliance", "--version")
        assert [path.read_text() for path in kept] == texts

    def test_a_purge_leaves_nothing(self, debian):
        debian.apt("remove", NAME)
        assert (debian.root / f"etc/{NAME}/appliance.toml").exists()
        debian.apt("purge", NAME)
        assert debian.remains() == debian.before


class TestDebian12(Installed):
    suite = "bookworm"


class TestDebian13(Installed):
    suite = "trixie"


class TestDebian11:
    def test_debian_11_is_told_in_one_line_that_its_haproxy_is_too_old(self, deb, tmp_path):
        debian = Debian("bullseye", tmp_path)
        done = debian.run("apt-get", "-q", "-y", "install", debian.bring(deb), timeout_s=300)
        assert done.code == 100
        missed = [line.strip() for line in done.output.splitlines() if "Depends: " in line]
        assert len(missed) == 1, done.output
        assert re.fullmatch(rf"{NAME} : Depends: haproxy \(>= 2\.4\) but .*installed", missed[0])
        assert NAME not in debian.says("dpkg-query", "--show")

        # Put in all the same, it runs on that Python, and setup refuses that HAProxy in one line.
        debian.apt("install", "python3", "haproxy", "keepalived", "iproute2", "openssl")
        debian.says("dpkg", "--install", "--force-depends", debian.bring(deb))
        for command in COMMANDS:
            assert __version__ in debian.says(command, "--version")
        done = debian.run("appliance-setup", "--vip", "192.0.2.250", "--yes")
        assert done.code == 69, done.message
        failed = [line for line in done.errors.splitlines() if "haproxy" in line]
        assert len(failed) == 1, done.errors
        assert re.search(r"FAIL haproxy: version 2\.2\S* is too old; install 2\.4 or newer$", failed[0])
        shutil.rmtree(debian.root)
