"""Service ports that somebody else listens on: with one of them in its file, HAProxy refuses every reload.

Linux lists listening sockets first in /proc/net/tcp (proc(5)), so established connections are never read.
"""

from __future__ import annotations

import contextlib
import ipaddress
import pwd
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from appliance.haproxy.model import LoadBalancer

Place = tuple[str, int]
"""An address, * for all of IPv4, and a port."""
OWN_PORTS = frozenset((80, 443, 9090, 9091))
"""No service port is one of these: they are HAProxy's or, while it does not run, nobody's."""
_TABLES = ("/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6")
_LISTENS = "0A"
_BIND = re.compile(r"^  bind (\*|\[[0-9a-f:.]+\]|[0-9.]+):(\d+)(?:\s|$)", re.MULTILINE)


@dataclass(frozen=True)
class Listener:
    """One listening socket of this network namespace."""

    address: str
    port: int
    uid: int
    inode: int

    def bars(self, address: str) -> bool:
        """Whether nobody else can listen on the same port of `address`."""
        ours = _any(address)
        if ":" in self.address and ":" not in ours:
            return self.address == "::" and not _is_free(ours, self.port)
        if ":" in ours and ":" not in self.address:
            return False
        every = {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound
        return self.address == ours or not every.isdisjoint((self.address, ours))


def listeners() -> list[Listener]:
    """All of this network namespace."""
    return [listener for table in _TABLES for listener in _read(Path(table))]


class Ports:
    """Asked about each place that is wanted; looks at the machine only for those that HAProxy has not got."""

    def __init__(self, listening: Callable[[], Iterable[Listener]] = listeners) -> None:
        self._listening = listening
        self._own: frozenset[Place] | None = None
        self._others: dict[int, list[Listener]] | None = None
        self._held: set[Place] = set()
        self._holders: dict[int, str] = {}

    def look(self, own: frozenset[Place] | None) -> None:
        """Begin anew. `own`: service ports that HAProxy has; empty: it does not run; None: not known.

        Where that cannot be trusted nobody is called somebody else: not known, none of HAProxy's own ports
        to be seen from here, or ports of the appliance's in use while it does not run.
        """
        self._own, self._others, self._held = own, None, set()

    def fault(self, address: str, port: int) -> str:
        """Who else listens there; '' if nobody does."""
        if self._own is None or (address, port) in self._own:
            return ""
        holder = self._holder(address, port)
        if holder is None:
            return ""
        self._held.add((address, port))
        if holder.inode not in self._holders:
            self._holders[holder.inode] = _named(holder)
        return f"is held by {self._holders[holder.inode]} on this machine"

    def freed(self) -> bool:
        """Whether a port that was held when it was asked about is free now."""
        if not self._held:
            return False
        self._others = None
        return any(self._holder(*place) is None for place in self._held)

    def bar(self, wanted: Iterable[Place]) -> bool:
        """Whether a HAProxy that does not run could not start, for one of these places is held."""
        fresh = Ports(self._listening)
        fresh.look(frozenset())
        return any(fresh._holder(*place) for place in wanted if place[1] not in OWN_PORTS)

    def _holder(self, address: str, port: int) -> Listener | None:
        if self._others is None:
            self._others = self._of_others()
        return next((one for one in self._others.get(port, ()) if one.bars(address)), None)

    def _of_others(self) -> dict[int, list[Listener]]:
        listening, runs = list(self._listening()), bool(self._own)
        if runs != any(one.port in OWN_PORTS for one in listening):
            return {}
        own = {(_any(address), port) for address, port in self._own or ()}
        found: dict[int, list[Listener]] = {}
        for one in listening:
            if (one.address, one.port) not in own:
                found.setdefault(one.port, []).append(one)
        return found


def of(load_balancer: LoadBalancer) -> frozenset[Place]:
    """Where a HAProxy listens that serves this, besides the appliance's own ports."""
    own = (("*", port) for port in OWN_PORTS)
    return frozenset((*own, *((one.address, one.port) for one in load_balancer.frontends)))


def places(config: str) -> frozenset[Place]:
    """Where a HAProxy listens that has loaded `config`."""
    return frozenset((address.strip("[]"), int(port)) for address, port in _BIND.findall(config))


def _any(address: str) -> str:
    return "0.0.0.0" if address == "*" else address  # noqa: S104 - compared, not bound


def _read(table: Path) -> Iterator[Listener]:
    with contextlib.suppress(OSError), table.open() as lines:
        next(lines, None)
        for line in lines:
            words = line.split()
            if words[3] != _LISTENS:
                return
            address, _, port = words[1].partition(":")
            yield Listener(_address(address), int(port, 16), int(words[7]), int(words[9]))


def _address(text: str) -> str:
    """From the kernel's hexadecimal words, each in the order of this machine's bytes."""
    words = (text[start : start + 8] for start in range(0, len(text), 8))
    packed = b"".join(int(word, 16).to_bytes(4, "little") for word in words)
    return str(ipaddress.ip_address(packed))


def _is_free(address: str, port: int) -> bool:
    """An IPv6 listener may or may not have IPv4 as well; only trying tells. Below 1024 we may not try."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def _named(listener: Listener) -> str:
    """The process where we may see it, else its user."""
    if not listener.inode:
        return "somebody"
    wanted = f"socket:[{listener.inode}]"
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and wanted in _files(process):
            with contextlib.suppress(OSError):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
    try:
        return f"a process of user {pwd.getpwuid(listener.uid).pw_name}"
    except KeyError:
        return f"a process of user {listener.uid}"


def _files(process: Path) -> Iterator[str]:
    """What a process has open, as far as we may see it; some of it may go while we look."""
    with contextlib.suppress(OSError):
        for one in list((process / "fd").iterdir()):
            with contextlib.suppress(OSError):
                yield str(one.readlink())
