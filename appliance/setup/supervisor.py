"""Our supervisord, asked and told over its unix socket."""

from __future__ import annotations

import contextlib
import http.client
import xmlrpc.client
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from supervisor.xmlrpc import SupervisorTransport  # type: ignore[import-untyped]

from appliance.errors import NotRunningError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

NOT_RUNNING = 70
"""Fault code of stopping what is stopped already (supervisor.xmlrpc.Faults)."""


@dataclass(frozen=True)
class Program:
    name: str
    """group:name"""
    state: str
    description: str


class Supervisor:
    """Raises NotRunningError from every call when nobody answers on the socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def running(self) -> bool:
        try:
            self.programs()
        except NotRunningError:
            return False
        return True

    def programs(self) -> tuple[Program, ...]:
        with self._connected() as supervisor:
            return tuple(
                Program(f"{info['group']}:{info['name']}", info["statename"], info["description"])
                for info in supervisor.getAllProcessInfo()
            )

    def shutdown(self) -> None:
        """End everything, supervisord last; returns at once."""
        with self._connected() as supervisor:
            supervisor.shutdown()

    def restart(self, names: Sequence[str]) -> None:
        """One after the other, each running again before the next stops."""
        with self._connected() as supervisor:
            for name in names:
                _stop(supervisor.stopProcess, name)
                supervisor.startProcess(name)

    def update(self) -> tuple[str, ...]:
        """Take supervisord.conf as it is now; only groups that changed are restarted, and returned.

        They stop in the order of a shutdown, so that the VIP has left before HAProxy ends.
        """
        with self._connected() as supervisor:
            ((added, changed, removed),) = supervisor.reloadConfig()
            for group in reversed((*removed, *changed)):
                _stop(supervisor.stopProcessGroup, group)
                supervisor.removeProcessGroup(group)
            for group in (*added, *changed):
                supervisor.addProcessGroup(group)
            return (*added, *changed, *removed)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Any]:
        transport = SupervisorTransport(serverurl=f"unix://{self._path}")
        proxy = xmlrpc.client.ServerProxy("http://supervisor", transport)
        try:
            yield proxy.supervisor
        except (OSError, http.client.HTTPException) as error:
            raise NotRunningError(f"supervisord does not answer on {self._path}: {error}") from None
        finally:
            transport.close()


def _stop(call: Any, name: str) -> None:
    try:
        call(name)
    except xmlrpc.client.Fault as fault:
        if fault.faultCode != NOT_RUNNING:
            raise
