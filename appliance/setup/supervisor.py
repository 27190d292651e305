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

SHUTTING_DOWN = 6
NOT_RUNNING = 70
"""Fault codes (supervisor.xmlrpc.Faults): any call after `shutdown`; stopping what is stopped already."""


class _EndingError(NotRunningError):
    """It answers, but only that it is shutting down."""


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
        """Until its process ends, so also while it shuts down."""
        try:
            self.programs()
        except _EndingError:
            return True
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
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != SHUTTING_DOWN:
                raise
            raise _EndingError(f"supervisord on {self._path} is shutting down") from None
        finally:
            transport.close()


def _stop(call: Any, name: str) -> None:
    try:
        call(name)
    except xmlrpc.client.Fault as fault:
        if fault.faultCode != NOT_RUNNING:
            raise
