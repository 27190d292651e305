"""The end of another program's process, noticed within a millisecond by its pidfd."""

from __future__ import annotations

import os
import select
import socket
import struct
from pathlib import Path
from typing import Callable

CREDENTIALS = struct.Struct("3i")
CONNECT_DEADLINE_S = 0.05


def listener(path: Path) -> int | None:
    """Process id behind the unix socket `path`, as the kernel noted it at listen(); None: nobody."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(CONNECT_DEADLINE_S)
            connection.connect(str(path))
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    except OSError:
        return None
    pid: int = CREDENTIALS.unpack(credentials)[0]
    return pid or None


def pidfd(pid: int) -> int | None:
    """A descriptor that polls readable when `pid` ends. None: it is gone, or Linux is older than 5.3."""
    try:
        return os.pidfd_open(pid)
    except (OSError, AttributeError):
        return None


class Watched:
    """A process that `find_pid` finds and whose end wakes `poll`.

    On a kernel without pidfd nothing wakes up: `ended` then tells it at the next regular turn.
    """

    def __init__(self, poll: select.poll, find_pid: Callable[[], int | None]) -> None:
        self._poll = poll
        self._find_pid = find_pid
        self._descriptor: int | None = None
        self.pid: int | None = None
        self.dead: int | None = None
        """The last one that ended."""

    def find(self) -> None:
        """Start to watch, unless a living one is watched."""
        if self.pid is not None:
            return
        pid = self._find_pid()
        if pid is None or pid == self.dead:
            return
        self.pid, self._descriptor = pid, pidfd(pid)
        if self._descriptor is not None:
            self._poll.register(self._descriptor, select.POLLIN)

    def ended(self) -> bool:
        """Whether the watched process has ended; said once."""
        if self.pid is None or self._runs(self.pid):
            return False
        if self._descriptor is not None:
            self._poll.unregister(self._descriptor)
            os.close(self._descriptor)
        self._descriptor, self.pid, self.dead = None, None, self.pid
        return True

    def _runs(self, pid: int) -> bool:
        if self._descriptor is None:
            return Path(f"/proc/{pid}").exists()
        return not select.select([self._descriptor], [], [], 0)[0]
