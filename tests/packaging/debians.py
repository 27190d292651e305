"""Other Debians as folders, in which their own apt installs what was built."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import other_haproxys
from built import BUILD, locked

from appliance import commands

if TYPE_CHECKING:
    from pathlib import Path

NAME = "marathon-ha-appliance"
BASES = BUILD / "debians"
MADE_WITHIN_S = INSTALLED_WITHIN_S = 500.0
OWN = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private")
"""What a command mounts goes with its namespace, and so does what it leaves running."""
ENTER = 'mount -t proc proc "$0/proc"; mount -t tmpfs -o mode=755 tmpfs "$0/run"; exec chroot "$0" "$@"'
MAKE = """\
set -e
mount -t tmpfs -o mode=755 tmpfs "$1"
debootstrap --variant=minbase "$2" "$1/root" "$3" || {
  tail -n 20 "$1/root/debootstrap/debootstrap.log"
  exit 1
}
rm -f "$1"/root/var/cache/apt/archives/*.deb
tar -C "$1/root" -cf "$4" .
"""
APT = """\
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "3";
"""


def base(suite: str) -> Path:
    """The smallest system of that release as a tar file; made once, whole or not at all."""
    made, half, place = BASES / f"{suite}.tar", BASES / f"{suite}.half", BASES / suite
    with locked(suite):
        if not made.exists():
            place.mkdir(parents=True, exist_ok=True)
            argv = ["sh", "-c", MAKE, "make", place, suite, other_haproxys.mirror(), half]
            done = commands.run([*OWN, *argv], timeout_s=MADE_WITHIN_S)
            assert done.code == 0, f"debootstrap {suite}: {done.errors[-500:]}{done.output[-2000:]}"
            half.rename(made)
    return made


class Debian:
    """A fresh one of that release, in a folder below `folder`. No service is started in it."""

    def __init__(self, suite: str, folder: Path) -> None:
        self.suite, self.root = suite, folder / suite
        self.root.mkdir()
        done = commands.run(["tar", "-C", self.root, "-xpf", base(suite)], timeout_s=120)
        assert done.code == 0, done.message
        for path in ("/etc/resolv.conf", "/etc/hosts"):
            (self.root / path[1:]).unlink(missing_ok=True)
            shutil.copy(path, self.root / path[1:])
        (self.root / "etc/apt/apt.conf.d/60plain").write_text(APT)
        (self.root / "etc/dpkg/dpkg.cfg.d/quick").write_text("force-unsafe-io\n")
        policy = self.root / "usr/sbin/policy-rc.d"  # no service is started
        policy.unlink(missing_ok=True)
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        self.says("apt-get", "update", "-q", timeout_s=INSTALLED_WITHIN_S)

    def run(self, *argv: str, timeout_s: float = 60.0) -> commands.Completed:
        env = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
        words = [f"{key}={value}" for key, value in env.items()]
        return commands.run([*OWN, "sh", "-c", ENTER, self.root, "env", *words, *argv], timeout_s=timeout_s)

    def says(self, *argv: str, timeout_s: float = 60.0) -> str:
        """Run it there; it has to succeed."""
        done = self.run(*argv, timeout_s=timeout_s)
        assert done.code == 0, f"{self.suite}: {argv}: exit {done.code}\n{done.output[-2000:]}{done.errors}"
        return done.output

    def apt(self, *words: str) -> str:
        return self.says("apt-get", "-q", "-y", *words, timeout_s=INSTALLED_WITHIN_S)

    def install(self, package: Path, *options: str) -> None:
        """By its apt, as an operator would."""
        self.apt("install", *options, self.bring(package))

    def bring(self, package: Path) -> str:
        shutil.copy(package, self.root / "tmp" / package.name)
        return f"/tmp/{package.name}"

    def remains(self) -> list[str]:
        """Whatever has our name, but what the test itself put there."""
        names = ("-name", "*marathon-ha*", "-o", "-name", "appliance", "-o", "-name", "appliance[-.]*")
        found = self.says("find", "/", "-xdev", "(", *names, ")", "-not", "-path", "/tmp/*").split()
        return sorted(found)
