"""The machines as processes: booted, entered, cut off from power."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import commands
from appliance.errors import ApplianceError, NotRunningError
from appliance.lab import network, state
from appliance.lab.topology import is_slave

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from appliance.lab.topology import Machine, Topology

_BOOT_S = 20.0
_NAMESPACES = ("--mount", "--root", "--pid", "--net", "--uts", "--ipc")


def python(module: str, *arguments: str | Path) -> list[str]:
    """The command line of one of the lab's own programs."""
    return [sys.executable, "-I", "-m", f"appliance.lab.{module}", *map(str, arguments)]


def environment() -> Mapping[str, str]:
    """What an operator's shell on a machine has, whatever the caller's environment is."""
    kept = {name: os.environ[name] for name in ("TERM", "LANG", "NO_COLOR") if name in os.environ}
    path = f"{Path(sys.prefix) / 'bin'}:{commands.SYSTEM_PATH}"
    return {"LANG": "C.UTF-8", "HOME": "/root", **kept, "PATH": path}


def launch(machine: Machine, argv: Sequence[str], log: str, *, pass_fds: Sequence[int] = ()) -> None:
    """Start `argv` in the machine's network namespace, to outlive us; output goes to the log called `log`."""
    state.log(log).unlink(missing_ok=True)
    with state.log(log).open("ab") as output:
        started = commands.start(
            ["ip", "netns", "exec", machine.name, "setsid", "--fork", *argv],
            stdout=output,
            stderr=commands.STDOUT,
            env=environment(),
            cwd=Path("/"),
            pass_fds=pass_fds,
        )
    started.wait()


def await_line(machine: Machine, log: str, word: str, timeout_s: float) -> None:
    """Wait until the log called `log` has a line that ends with `word`. Raises ApplianceError."""
    deadline = time.monotonic() + timeout_s
    while not any(line.endswith(word) for line in state.tail(state.log(log))):
        if not network.processes(machine.name):
            raise ApplianceError(f"what was started on {machine.name} ended: {state.last_line(log)}")
        if time.monotonic() > deadline:
            raise ApplianceError(f"{machine.name} did not say '{word}' within {timeout_s:g} s")
        time.sleep(0.02)


def boot(machine: Machine) -> None:
    """Start a slave's init in namespaces of its own."""
    unshare = ["unshare", "--mount", "--pid", "--fork", "--uts", "--ipc", "--kill-child", "--mount-proc"]
    launch(machine, [*unshare, *python("init", machine.name, state.FOLDER)], machine.name)


def booted(machine: Machine) -> None:
    """Wait until the slave is up. Raises ApplianceError."""
    await_line(machine, machine.name, "is up", _BOOT_S)


def init_pid(machine: Machine) -> int | None:
    """Pid of a slave's PID 1 as this machine sees it; None while the slave is off."""
    for pid in network.processes(machine.name):
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
            ids = next(line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
            if len(ids) > 1 and ids[-1] == "1":
                return pid
    return None


def entering(machine: Machine, argv: Sequence[str]) -> list[str]:
    """The command line that runs `argv` on `machine`. Raises NotRunningError when it is off."""
    if not is_slave(machine):
        return ["ip", "netns", "exec", machine.name, *argv]
    pid = init_pid(machine)
    if pid is None:
        raise NotRunningError(
            f"{machine.name} is off: 'appliance lab fault power-on {machine.port}' boots it"
        )
    return ["nsenter", "--target", str(pid), *_NAMESPACES, "--", *argv]


def end_processes(machine_names: Sequence[str], timeout_s: float = 10.0) -> None:
    """Kill all that lives in these namespaces; return when nothing is left. Raises ApplianceError."""
    deadline = time.monotonic() + timeout_s
    while pids := [pid for name in machine_names for pid in network.processes(name)]:
        if time.monotonic() > deadline:
            raise ApplianceError(f"processes {pids} of the lab do not end")
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def power_off(machine: Machine) -> None:
    """Cut the power: the link is gone at once, no process gets to say a last word, the disk stays."""
    network.unplug(machine)
    end_processes([machine.name])
    network.forget_addresses(machine)


def power_on(topology: Topology, machine: Machine) -> None:
    """Boot it again from its disk. Raises ApplianceError."""
    if init_pid(machine) is not None:
        raise ApplianceError(f"{machine.name} is on already")
    network.connect(topology, machine)
    network.plug(machine)
    boot(machine)
    booted(machine)
