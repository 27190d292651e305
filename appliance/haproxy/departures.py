"""Servers on their way out of a running HAProxy: looked at again and again until they are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from appliance.errors import EngineError
from appliance.haproxy import leaving
from appliance.haproxy.leaving import Leaving, Seen, Stage
from appliance.haproxy.runtime import RefusedCommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from appliance.haproxy.live import Live
    from appliance.haproxy.model import LoadBalancer
    from appliance.haproxy.states import State

_SOONEST_S, _LATEST_S = 0.03, 1.0
"""Between two looks."""
_NOT_YET = "connections"
"""Stands in HAProxy's words when it deletes no server because of those that it has."""


class Departures:
    """Used by one thread."""

    def __init__(self, live: Live, clock: Callable[[], float]) -> None:
        self.live = live
        self.clock = clock
        self.leaving: dict[tuple[str, str], Leaving] = {}
        self._worker = 0
        self._next_look = 0.0

    @property
    def next_look(self) -> float:
        """When `look` has something to do, monotonic seconds."""
        return self._next_look if self.leaving else float("inf")

    @property
    def waiting(self) -> bool:
        """Whether one still takes requests."""
        return any(one.stage is Stage.WAITING for one in self.leaving.values())

    def begin(self, worker: int, servers: Iterable[tuple[str, str, bool]]) -> None:
        """(backend, server, whether clients stick to it), in the worker with the pid `worker`."""
        self._worker, now = worker, self.clock()
        self._next_look = now
        for backend, server, sticky in servers:
            self.leaving[backend, server] = Leaving(backend, server, now, sticky=sticky)

    def of(self, worker: int) -> None:
        """Forget those of another worker: this one knows nothing of them."""
        if worker != self._worker:
            self.leaving.clear()

    def stay(self, load_balancer: LoadBalancer) -> None:
        """Whoever was to leave and is wanted again does not leave."""
        concerned = {backend for backend, _ in self.leaving}
        for backend in load_balancer.backends if concerned else ():
            if backend.name in concerned:
                for server in backend.servers:
                    self.leaving.pop((backend.name, server.name), None)

    def look(self) -> None:
        """One step of each, if it is time. Raises RefusedCommandError: only a reload can help then.

        A HAProxy that does not answer is asked again later; whether it runs is found out elsewhere.
        """
        now = self.clock()
        if not self.leaving or now < self._next_look:
            return
        self._next_look = now + _LATEST_S
        try:
            self._step(now)
        except RefusedCommandError:
            raise
        except EngineError:
            return
        youngest = max((one.stage_since or one.since for one in self.leaving.values()), default=now)
        self._next_look = now + min(max((now - youngest) / 4, _SOONEST_S), _LATEST_S)

    def _step(self, now: float) -> None:
        backends = {backend for backend, _ in self.leaving}
        servers = self.live.servers(backends)
        connections = self.live.connections(backends)
        commands: list[str] = []
        for key, one in list(self.leaving.items()):
            seen = self._seen(one, servers.get(one.backend, {}), connections.get(key, 0))
            after, told = leaving.step(one, seen, now)
            if after.stage is Stage.GONE:
                del self.leaving[key]
            else:
                self.leaving[key] = after
                commands += told
        self.live.told([told for told in commands if not told.startswith("del ")])
        for deletion in (told for told in commands if told.startswith("del ")):
            self._delete(deletion)

    def _seen(self, one: Leaving, present: Mapping[str, State], connections: int) -> Seen:
        """With nobody to take over there is nobody to wait for."""
        others = [
            state
            for name, state in present.items()
            if (one.backend, name) not in self.leaving and not state.maintenance
        ]
        usable = not others or any(state.usable for state in others)
        return Seen(one.server in present, connections, usable)

    def _delete(self, command: str) -> None:
        try:
            self.live.told([command])
        except RefusedCommandError as error:
            if _NOT_YET not in str(error):  # else it is tried again
                raise
