"""Runs a command as a task on a slave, as Mesos' executor does: `python -m appliance.lab.executor NAME TASK
[KEY=VALUE …] -- WORD …`.

Inside the slave's own namespaces, in a sandbox that keeps its output. A line on stdout says that it runs;
SIGTERM is passed on, and who ends with it is waited for. When this process is killed the command is, too.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import commands
from appliance.lab import machine
from appliance.lab.topology import Machine

if TYPE_CHECKING:
    from types import FrameType

SANDBOXES = Path("/var/lib/mesos/sandboxes")
_NAMESPACES = ("uts", "ipc", "net", "pid", "mnt")


def main() -> int:
    name, task, *rest = sys.argv[1:]
    variables, words = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
    pid = machine.init_pid(Machine(name, ""))
    if pid is None:
        print(f"{name} is off", file=sys.stderr)
        return 1
    environment = {**machine.environment(), **dict(word.split("=", 1) for word in variables)}
    _enter(pid)
    sandbox = SANDBOXES / task
    sandbox.mkdir(parents=True, exist_ok=True)
    with (sandbox / "stdout").open("ab") as stdout, (sandbox / "stderr").open("ab") as stderr:
        running = commands.start(
            ["setpriv", "--pdeathsig", "KILL", "--", *words],
            stdout=stdout,
            stderr=stderr,
            env={**environment, "MESOS_SANDBOX": str(sandbox), "MESOS_TASK_ID": task},
            cwd=sandbox,
            new_session=True,
        )

    def stop(_signal: int, _frame: FrameType | None) -> None:
        running.terminate()

    signal.signal(signal.SIGTERM, stop)
    print("running", flush=True)
    return running.wait()


def _enter(pid: int) -> None:
    """What is started from now on lives in the namespaces of `pid`. Raises OSError."""
    descriptors = [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in _NAMESPACES]
    for descriptor in descriptors:  # os.setns is younger than the oldest Python we run on
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, 0):
            raise OSError(ctypes.get_errno(), f"cannot enter the namespaces of {pid}")
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
