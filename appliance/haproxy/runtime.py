"""The door to a running HAProxy: its unix sockets (management guide, 9.3 and 9.4)."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.errors import EngineError, SilentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path


_PATIENCE_S = 0.25
PAYLOAD_LIMIT = 12_000
"""A command with more than about 16,300 bytes (tune.bufsize) is dropped with the reply of a success."""
_BATCH_BYTES = 8_000
_BATCH_COMMANDS = 80
_ADDED = "New server registered."
_ACKNOWLEDGED = (_ADDED, "Server deleted.", "no need to change")


class RefusedCommandError(EngineError):
    """HAProxy does not do what it was told; the message holds its words."""


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


def send(path: Path, commands: Sequence[str]) -> None:
    """Send `commands` in few connections and check what HAProxy says to them.

    Raises RefusedCommandError at the first batch of which one was refused, EngineError as `command`.
    """
    for batch in _batches(commands):
        reply = command(path, ";".join(batch))
        said = [line for line in reply.splitlines() if line.strip()]
        odd = [line for line in said if not line.startswith(_ACKNOWLEDGED)]
        added = sum(line.startswith(_ADDED) for line in said)
        if odd or added != sum(one.startswith("add server ") for one in batch):
            told = batch[0] if len(batch) == 1 else f"{batch[0]} and {len(batch) - 1} more"
            raise RefusedCommandError(f"HAProxy refuses '{told}': {' '.join(odd) or 'no acknowledgement'}")


def with_payload(path: Path, text: str, lines: Iterable[str]) -> str:
    """The reply to one command with `lines`, none of them empty. Raises RefusedCommandError if too long."""
    whole = "".join([f"{text} <<\n", *(f"{line}\n" for line in lines)])
    if len(whole.encode()) > PAYLOAD_LIMIT:
        raise RefusedCommandError(f"'{text}' with {len(whole)} bytes is more than HAProxy takes at once")
    return command(path, whole)


def _batches(commands: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for one in commands:
        if batch and (len(batch) == _BATCH_COMMANDS or size + len(one) + 1 > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += len(one.encode()) + 1
    if batch:
        yield batch


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
