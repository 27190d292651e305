"""The door to a running HAProxy: its unix sockets (management guide, 9.3 and 9.4)."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.errors import EngineError, SilentError

if TYPE_CHECKING:
    from pathlib import Path


_PATIENCE_S = 0.25


@dataclass(frozen=True)
class Processes:
    """`show proc` of the master."""

    master: int
    failed: int
    """Reloads that failed since the last good one."""
    workers: tuple[int, ...]
    old_workers: tuple[int, ...]

    @property
    def pids(self) -> tuple[int, ...]:
        return (self.master, *self.workers, *self.old_workers)


def command(path: Path, text: str, *, timeout_s: float = 5.0) -> str:
    """Send one line, return the whole reply. Raises EngineError when nobody answers in time."""
    try:
        return _exchange(path, text, timeout_s)
    except OSError as error:
        raise _silent(path, error) from None


def info(path: Path, prefix: str = "") -> dict[str, str]:
    """`show info`; with the prefix `@1 ` on the master's socket, of the present worker."""
    lines = _ask(path, f"{prefix}show info").splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines) if value}


def processes(path: Path) -> Processes:
    """The master and its workers. Raises EngineError if `path` is no master's socket."""
    text = _ask(path, "show proc")
    try:
        return parse_processes(text)
    except (ValueError, IndexError):
        raise EngineError(f"{path} does not answer as HAProxy's master: {text[:200]!r}") from None


def _ask(path: Path, question: str, timeout_s: float = 5.0) -> str:
    """The answer to what changes nothing, so it may be asked again.

    A master that is just reloading refuses or resets connections for some milliseconds, which is no death.
    """
    patience_ends = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return _exchange(path, question, timeout_s)
        except OSError as error:
            if not isinstance(error, ConnectionError) or time.monotonic() > patience_ends:
                raise _silent(path, error) from None
        time.sleep(0.01)


def _exchange(path: Path, text: str, timeout_s: float) -> str:
    """Our half is closed after sending, because the master's socket waits for more until then."""
    reply = bytearray()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        connection.connect(str(path))
        connection.sendall(text.encode() + b"\n")
        connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(65536):
            reply += part
    return reply.decode(errors="replace")


def _silent(path: Path, error: OSError) -> EngineError:
    kind = SilentError if isinstance(error, TimeoutError) else EngineError
    return kind(f"HAProxy does not answer on {path}: {error.strerror or error}")


def parse_processes(text: str) -> Processes:
    """Read `show proc` by its section lines; columns differ between versions, their order does not.

    Raises ValueError or IndexError if it is no such reply.
    """
    master, failed = 0, 0
    sections: dict[str, list[int]] = {"workers": [], "old workers": [], "programs": []}
    section = ""
    for line in text.splitlines():
        if line.startswith("#"):
            section = line.lstrip("# ").strip()
        elif line.strip() and section in sections:
            sections[section].append(int(line.split()[0]))
        elif " master " in line:
            master = int(line.split()[0])
            failed = int(line.partition("[failed:")[2].partition("]")[0] or 0)
    if not master:
        raise ValueError("no master in the reply")
    return Processes(master, failed, tuple(sections["workers"]), tuple(sections["old workers"]))
