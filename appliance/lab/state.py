"""The lab's one folder: what it decided, the nodes' disks, the logs. A tmpfs, so that nothing of it stays."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from appliance import commands, files
from appliance.errors import ApplianceError, NotRunningError
from appliance.lab import network
from appliance.lab.topology import Topology, topology

FOLDER = Path("/run/mha-lab")
_RECORD = FOLDER / "lab.json"


@dataclass(frozen=True)
class State:
    """What a running lab is. `published` are its addresses on this machine's loopback, by label."""

    topology: Topology
    made_netns_folder: bool
    published: dict[str, str] = field(default_factory=dict)


def claim() -> None:
    """Take the folder, or refuse because a lab is there. Raises ApplianceError."""
    if network.existing() or not _make_folder():
        raise ApplianceError("a lab is already running, or was left behind: 'appliance lab down' ends it")
    done = commands.run(["mount", "-t", "tmpfs", "-o", "mode=0700", "mha-lab", FOLDER])
    if done.code != 0:
        FOLDER.rmdir()
        raise ApplianceError(f"cannot mount a tmpfs on {FOLDER}: {done.message}")
    for name in ("disks", "log"):
        (FOLDER / name).mkdir()


def _make_folder() -> bool:
    try:
        FOLDER.mkdir(mode=0o700)
    except FileExistsError:
        return False
    return True


def save(state: State) -> None:
    machines = [{"name": m.name, "address": m.address} for m in state.topology.machines]
    facts = {
        "network": state.topology.network,
        "vip": state.topology.vip,
        "master": state.topology.master.address,
        "machines": machines,
        "made_netns_folder": state.made_netns_folder,
        "published": state.published,
    }
    files.replace(_RECORD, json.dumps(facts, indent=2) + "\n")


def load() -> State:
    """The running lab. Raises NotRunningError."""
    facts = files.report(_RECORD)
    if not facts:
        raise NotRunningError("no lab is running: start one by 'appliance lab up'")
    return State(topology(facts["network"], facts["vip"]), facts["made_netns_folder"], facts["published"])


def remains() -> bool:
    """Whether anything of a lab is there, complete or not."""
    return FOLDER.exists() or bool(network.existing())


def remove() -> None:
    """Let go of the folder with all in it."""
    if os.path.ismount(FOLDER) and commands.run(["umount", FOLDER]).code != 0:
        commands.run(["umount", "--lazy", FOLDER])
    if FOLDER.exists():
        FOLDER.rmdir()


def log(name: str) -> Path:
    return FOLDER / "log" / f"{name}.log"


def logs(name: str) -> list[Path]:
    """All logs of a machine: what it printed, and below its /var/log what its programs wrote."""
    return [log(name), *sorted((FOLDER / "disks" / name / "kept/log").rglob("*.log"))]


def last_line(name: str) -> str:
    return "".join(tail(log(name), 1)) or "it said nothing"


def tail(path: Path, lines: int = 12) -> list[str]:
    """The last lines of a log, for the person whose step failed."""
    return (files.read(path) or "").splitlines()[-lines:]
