"""Processes as PID 1 of a node sees them: its own, and everybody's orphans."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import commands

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MARK = "INVOCATION_ID"
"""As systemd does: every process of a service carries it in its environment, also when it is orphaned."""
_LOOK_S = 0.01


class Children:
    """Starts processes and reaps whatever ends. Not by `subprocess`: PID 1 has to wait for strangers too."""

    def __init__(self) -> None:
        self._ended: dict[int, int] = {}
        self._own: set[int] = set()

    def start(
        self, argv: Sequence[str], environment: Mapping[str, str], *, log: Path, open_files: int | None = None
    ) -> int:
        """Start `argv` in a session of its own, output appended to `log`. Raises OSError, MissingError."""
        words = list(argv)
        if open_files is not None:
            # A container may not let us raise the hard limit; a service of the lab needs little.
            limit = min(open_files, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
            words = ["prlimit", f"--nofile={limit}", "--", *words]
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        pid = os.posix_spawn(
            commands.find(words[0]),
            words,
            environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o640),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD],
        )
        self._own.add(pid)
        return pid

    def reap(self) -> None:
        """Collect everything that ended."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid in self._own:
                    self._own.remove(pid)
                    self._ended[pid] = status

    def status(self, pid: int) -> int | None:
        """Wait status of an own process that has ended, once; None while it runs."""
        self.reap()
        return self._ended.pop(pid, None)

    def wait(self, pid: int, timeout_s: float) -> int | None:
        """As `status`, but wait for it up to `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while (status := self.status(pid)) is None and time.monotonic() < deadline:
            time.sleep(_LOOK_S)
        return status

    def end(self, mark: str, timeout_s: float) -> None:
        """End all that carry `mark`: SIGTERM, after `timeout_s` SIGKILL; return when they are gone."""
        _signal(marked(mark), signal.SIGTERM)
        deadline = time.monotonic() + timeout_s
        while left := marked(mark):
            if time.monotonic() > deadline:
                _signal(left, signal.SIGKILL)
            time.sleep(_LOOK_S)
            self.reap()


def mark(value: str) -> dict[str, str]:
    """The environment that marks a process, and what it starts, as belonging to `value`."""
    return {_MARK: value}


def marked(value: str) -> list[int]:
    """Pids of all living processes that carry `value`."""
    wanted = f"{_MARK}={value}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
    return found


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
