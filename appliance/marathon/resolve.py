"""Addresses of the agents that tasks run on. DNS may be slow or gone: the last good answer stays in use."""

from __future__ import annotations

import queue
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.marathon.model import ip_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

EXPIRY_S = 60.0
RETRY_S = 5.0
DEADLINE_S = 2.0
_THREADS = 8


def lookup(host: str) -> str:
    """The first IPv4 address of `host`, else the first IPv6 address, '' if it does not resolve."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ""
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return next((ip for entry in found if (ip := ip_address(str(entry[4][0])))), "")


@dataclass
class _Entry:
    address: str = ""
    fresh_until: float = 0.0
    asked: bool = False
    waited_for: bool = False


class Resolver:
    """Looks names up in parallel, each once a minute, and waits for new names only, at most once 2 s."""

    def __init__(
        self,
        look_up: Callable[[str], str] = lookup,
        clock: Callable[[], float] = time.monotonic,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._look_up = look_up
        self._clock = clock
        self._deadline_s = deadline_s
        self._entries: dict[str, _Entry] = {}
        self._wanted: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._answered = threading.Condition()
        self._threads: list[threading.Thread] = []

    def addresses(self, names: Iterable[str]) -> dict[str, str]:
        """IP address by host. A host without any known address is absent; IP addresses are themselves."""
        found = {name: ip_address(name) for name in names}
        unknown = [name for name, address in found.items() if not address]
        with self._answered:
            for name in unknown:
                self._ask(name)
            self._answered.wait_for(lambda: not self._awaited(unknown), timeout=self._deadline_s)
            for name in unknown:
                self._entries[name].waited_for = True  # next time its answer is taken when it is there
                found[name] = self._entries[name].address
        return {name: address for name, address in found.items() if address}

    def _ask(self, name: str) -> None:
        entry = self._entries.setdefault(name, _Entry())
        if entry.asked or self._clock() < entry.fresh_until:
            return
        entry.asked = True
        self._wanted.put(name)
        if len(self._threads) < _THREADS:
            thread = threading.Thread(target=self._answer, name="resolve", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _awaited(self, names: list[str]) -> bool:
        entries = (self._entries[name] for name in names)
        return any(entry.asked and not entry.waited_for for entry in entries)

    def _answer(self) -> None:
        while True:
            name = self._wanted.get()
            address = self._look_up(name)
            with self._answered:
                entry = self._entries[name]
                entry.address = address or entry.address
                entry.fresh_until = self._clock() + (EXPIRY_S if address else RETRY_S)
                entry.asked = False
                self._answered.notify_all()
