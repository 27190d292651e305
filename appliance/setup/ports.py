"""Who listens on a TCP port of this machine, read from /proc."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

PROC = Path("/proc")
LISTEN = "0A"


@dataclass(frozen=True)
class Listener:
    port: int
    process: str
    """Its name; empty if no process could be found for the socket."""
    pid: int
    ancestors: tuple[int, ...]
    """Its parent, that one's parent, …"""
    unit: str
    """Its control group, where systemd keeps a unit's processes."""

    def __str__(self) -> str:
        return f"{self.process} (pid {self.pid})" if self.process else "an unknown process"


def listeners(wanted: Collection[int]) -> tuple[Listener, ...]:
    """Processes that listen on one of the ports `wanted` in this network namespace, by port and pid."""
    sockets = dict(_listening(wanted))
    found = {}
    for pid, inode in _open_sockets():
        if inode in sockets:
            found[sockets[inode], pid] = _listener(sockets[inode], pid)
    known = {port for port, _ in found}
    for port in set(sockets.values()) - known:
        found[port, 0] = Listener(port, "", 0, (), "")
    return tuple(found[key] for key in sorted(found))


def _listening(wanted: Collection[int]) -> Iterator[tuple[str, int]]:
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (PROC / "net" / table).read_text().splitlines()[1:]:
                words = line.split()
                port = int(words[1].rpartition(":")[2], 16)
                if words[3] == LISTEN and port in wanted:
                    yield words[9], port


def _open_sockets() -> Iterator[tuple[int, str]]:
    for folder in PROC.glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):
            for link in folder.iterdir():
                with contextlib.suppress(OSError):
                    target = str(link.readlink())
                    if target.startswith("socket:["):
                        yield int(folder.parent.name), target[8:-1]


def _listener(port: int, pid: int) -> Listener:
    try:
        name = (PROC / str(pid) / "comm").read_text().strip()
        unit = (PROC / str(pid) / "cgroup").read_text()
    except OSError:
        name, unit = "a process that just ended", ""
    return Listener(port, name, pid, tuple(_ancestors(pid)), unit)


def _ancestors(pid: int) -> Iterator[int]:
    while pid > 1:
        try:
            status = (PROC / str(pid) / "stat").read_text()
        except OSError:
            return
        pid = int(status.rpartition(")")[2].split()[1])
        yield pid
