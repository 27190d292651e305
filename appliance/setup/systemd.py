"""systemd of this machine, where there is one."""

from __future__ import annotations

from pathlib import Path

from appliance import commands
from appliance.errors import EngineError

UNIT = "marathon-ha-appliance.service"
DISTRO_UNITS = ("haproxy.service", "keepalived.service")
UNIT_FOLDERS = (Path("/etc/systemd/system"), Path("/lib/systemd/system"), Path("/usr/lib/systemd/system"))
START_DEADLINE_S = 60.0


def running() -> bool:
    """Whether systemd runs this machine, as sd_booted(3) tells it."""
    return Path("/run/systemd/system").is_dir()


def exists(unit: str) -> bool:
    return any((folder / unit).exists() or (folder / unit).is_symlink() for folder in UNIT_FOLDERS)


def masked(unit: str) -> bool:
    return (UNIT_FOLDERS[0] / unit).resolve() == Path("/dev/null")


def active(unit: str) -> bool:
    return commands.run(["systemctl", "is-active", "--quiet", unit]).code == 0


def call(*words: str) -> None:
    """Run systemctl. Raises EngineError with what it said."""
    done = commands.run(["systemctl", *words], timeout_s=START_DEADLINE_S)
    if done.code != 0:
        raise EngineError(f"systemctl {' '.join(words)}: {done.message}")


def take_over() -> None:
    """Stop and mask the distribution's units: else an upgrade of theirs starts them beside ours."""
    for unit in DISTRO_UNITS:
        if exists(unit) and not masked(unit):
            call("disable", "--now", unit)
            call("mask", unit)
