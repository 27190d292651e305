"""The .rpm in a root of its own: dependencies, scripts, upgrade and removal. There is no dnf on a Debian."""

from __future__ import annotations

import shutil

import pytest
from built import NEWER, only
from debians import NAME, Debian

from appliance import __version__, commands

pytestmark = [pytest.mark.packages, pytest.mark.timeout(900)]
COMMON = "iproute openssl util-linux systemd shadow-utils /bin/sh"
EL9 = f"{COMMON} python3=3.9.18 haproxy=2.4.22 keepalived=2.2.8"
EL8 = f"{COMMON} python3=3.6.8 haproxy=1.8.27 keepalived=2.1.5"
SPEC = """\
Name: stand-in
Version: 1
Release: 1
Summary: what a distribution has
License: none
BuildArch: noarch
{provides}
%description
Nothing.
%files
"""


def rpm_in(root, *argv):
    return commands.run(["rpm", "--root", root, *argv], timeout_s=120)


@pytest.fixture(scope="module")
def system(root, tmp_path_factory):  # noqa: ARG001 - needed to be root, not its value
    """A system with a Python and a shell in which the scripts run; its rpm database is empty."""
    folder = tmp_path_factory.mktemp("rpm")
    made = Debian("bookworm", folder)
    made.apt("install", "python3")
    assert rpm_in(made.root, "--initdb").code == 0
    made.before = made.remains()
    yield made
    shutil.rmtree(folder)


def refused(folder, rpm, has):
    """What rpm misses on a system that has these packages."""
    root, top = folder / "root", folder / "top"
    root.mkdir()
    provides = "\n".join(f"Provides: {one.replace('=', ' = ')}" for one in has.split())
    (folder / "stand-in.spec").write_text(SPEC.format(provides=provides))
    done = commands.run(
        ["rpmbuild", "-bb", "--define", f"_topdir {top}", folder / "stand-in.spec"], timeout_s=60
    )
    assert done.code == 0, done.message
    assert rpm_in(root, "--install", only(top, "RPMS/noarch/*.rpm")).code == 0
    done = rpm_in(root, "--install", "--test", "--ignorearch", rpm)
    return done.errors if done.code else ""


@pytest.mark.parametrize(
    "has",
    [EL9, f"{EL8} python3.11 haproxy=2.4.0".replace("haproxy=1.8.27 ", "")],
    ids=["EL 9", "EL 8 with newer ones"],
)
def test_it_goes_into(tmp_path, rpm, has):
    assert refused(tmp_path, rpm, has) == ""


def test_el_8_as_it_comes_is_told_what_it_misses(tmp_path, rpm):
    said = refused(tmp_path, rpm, EL8)
    assert "python3 >= 3.9 or" in said
    assert "haproxy >= 2.4" in said
    assert "keepalived" not in said


def test_installed_verified_upgraded_and_erased(system, rpm, newer):
    def does(*argv):
        done = rpm_in(system.root, *argv)
        assert done.code == 0, done.message
        return done.output

    does("--install", "--nodeps", rpm)
    assert __version__ in system.says("appliance", "--version")
    assert "marathon-ha" in system.says("getent", "passwd", "marathon-ha")
    assert does("--verify", "--nodeps", NAME) == ""
    assert "Apache-2.0" in does("--query", "--info", NAME)

    edited = system.root / f"etc/logrotate.d/{NAME}"
    edited.write_text("# edited by the operator\n")
    does("--upgrade", "--nodeps", only(newer, "*.x86_64.rpm"))
    assert NEWER in system.says("appliance", "--version")
    assert edited.read_text() == "# edited by the operator\n"

    does("--erase", NAME)
    left = [path for path in system.remains() if path not in system.before]
    kept = {f"/{place}/{NAME}" for place in ("etc", "var/lib", "var/log")}
    assert set(left) <= kept | {f"/etc/logrotate.d/{NAME}.rpmsave"}
