"""systemd of this machine, where there is one."""

from __future__ import annotations

import json
from pathlib import Path

from appliance import commands, files
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


def retire() -> None:
    """Stop our unit for good; its ExecStop hands the VIP over. Raises EngineError."""
    if exists(UNIT):
        call("disable", "--now", UNIT)


def take_over(record: Path) -> None:
    """Stop and mask the distribution's units: else an upgrade of theirs starts them beside ours.

    How each was goes into `record` first, for `give_back`. Raises EngineError.
    """
    for unit in DISTRO_UNITS:
        if exists(unit) and not masked(unit):
            enabled = commands.run(["systemctl", "is-enabled", "--quiet", unit]).code == 0
            files.replace(record, json.dumps({**files.report(record), unit: enabled}) + "\n")
            call("disable", "--now", unit)
            call("mask", unit)


def give_back(record: Path) -> tuple[str, ...]:
    """Undo what `take_over` recorded, but start nothing; returns the units. Raises EngineError."""
    units = files.report(record)
    for unit, enabled in units.items():
        if masked(unit):
            call("unmask", unit)
        if enabled and exists(unit):
            call("enable", unit)
    record.unlink(missing_ok=True)
    return tuple(units)
