"""What can be broken on a slave."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import NotRunningError, UsageError
from appliance.lab import machine, marathon_faults, network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.lab.topology import Machine, Topology

_VICTIMS = {
    "haproxy": ("haproxy",),
    "keepalived": ("keepalived",),
    "lb": ("python", "appliance-lb", "sse"),
    "health": ("python", "appliance", "run", "health"),
    "supervisord": ("python", "supervisord"),
}
"""How a program's command line begins, folders and Python's version and options left out."""

KINDS = {
    "kill-haproxy": "SIGKILL to HAProxy, master and workers",
    "kill-keepalived": "SIGKILL to keepalived, parent and child",
    "kill-lb": "SIGKILL to the generator",
    "kill-health": "SIGKILL to the health program",
    "kill-supervisord": "SIGKILL to supervisord",
    "hang-haproxy": "SIGSTOP to HAProxy, master and workers",
    "resume-haproxy": "SIGCONT after hang-haproxy",
    "link-down": "pull the network cable",
    "link-up": "plug it in again",
    "power-off": "link gone and every process killed at once; the disk stays",
    "power-on": "boot again from the same disk",
}
_SIGNALS = {"kill": signal.SIGKILL, "hang": signal.SIGSTOP, "resume": signal.SIGCONT}


def inflict(kind: str, topology: Topology, slave: Machine) -> None:
    """Do `kind` to `slave`. Raises UsageError, NotRunningError."""
    if kind not in KINDS:
        raise UsageError(f"no fault '{kind}'; there are {', '.join(KINDS)}")
    if kind == "link-down":
        network.unplug(slave)
    elif kind == "link-up":
        network.plug(slave)
    elif kind == "power-on":
        machine.power_on(topology, slave)
        marathon_faults.agent(topology, slave.name, lost=False)
    elif kind == "power-off":
        machine.power_off(slave)
        marathon_faults.agent(topology, slave.name, lost=True)
    else:
        how, _, program = kind.partition("-")
        _signal(slave, program, _SIGNALS[how])


def _signal(slave: Machine, program: str, number: int) -> None:
    victims = pids(slave, program)
    if not victims:
        raise NotRunningError(f"{program} does not run on {slave.name}")
    for pid in victims:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def pids(slave: Machine, program: str) -> list[int]:
    """The program's processes on `slave`, parents first, as this machine numbers them."""
    found: list[tuple[int, int]] = []
    for pid in network.processes(slave.name):
        with contextlib.suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
            if is_program(program, command):
                found.append((_started_at_ticks(pid), pid))
    return [pid for _, pid in sorted(found)]


def _started_at_ticks(pid: int) -> int:
    """Since the boot; numbers of processes begin anew at some time (proc(5), field 22 of stat)."""
    after_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
    return int(after_name.split()[19])


def is_program(program: str, command: Sequence[str]) -> bool:
    """Whether the command line `command` is the one of `program`."""
    words = [word.rpartition("/")[2] for word in command if not word.startswith("-")]
    if words and words[0].startswith("python"):
        words[0] = "python"
    wanted = _VICTIMS[program]
    return tuple(words[: len(wanted)]) == wanted
