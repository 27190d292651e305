"""Brings a running HAProxy to what is wanted: by runtime commands where it can, by a reload where it must.

The file on disk always says what runs, also after a change by commands alone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Callable

from appliance import files
from appliance.errors import EngineError, NotRunningError
from appliance.haproxy import plan
from appliance.haproxy.departures import Departures
from appliance.haproxy.differences import differences, pools_alone
from appliance.haproxy.lines import lines_of, pool
from appliance.haproxy.render import Memo, Rendered, maxconn, render
from appliance.haproxy.runtime import RefusedCommandError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from appliance.haproxy.lines import Line, Pool
    from appliance.haproxy.model import LoadBalancer, Process
    from appliance.haproxy.reload import Worker
    from appliance.haproxy.service import Service

_LOOKED_UP_EXACTLY = ("domain2backend", "app2backend", "certificate2name")
"""In these maps the order of the entries means nothing."""
COMPARE_S = 300.0
"""So often everything is read back, whatever is believed."""


@dataclass
class Rollout:
    """Used by one thread. `generation` is what runs, and what the file says."""

    service: Service
    clock: Callable[[], float] = time.monotonic
    generation: plan.Generation | None = None
    process: Process | None = None
    """As which `generation` was rendered."""
    doubt: str = ""
    """Why only a reload can tell what runs; '' if nothing speaks for it."""
    present: int = 0
    """Pid of the worker at the last look."""
    _memo: Memo = field(default_factory=Memo)
    _rendered: tuple[LoadBalancer, Process, Rendered] | None = None
    _asked: Worker | None = None
    """The worker at the last look."""
    _worker: int = 0
    """Pid of the worker whose servers and maps are known to be those of `generation`."""
    _compared_at: float = 0.0
    _compared: bool = False
    """Whether the last decision was made from all that HAProxy says."""
    _concerned: frozenset[str] = frozenset()
    """The backends that the last decision was about."""
    _given: dict[tuple[str, str], Line] = field(default_factory=dict)
    """What servers were told that are no part of `generation`: those just added, those that leave."""

    def __post_init__(self) -> None:
        self.departures = Departures(self.service.live, self.clock)

    def rendered(self, load_balancer: LoadBalancer, process: Process) -> Rendered:
        known = self._rendered
        if known is None or known[0] is not load_balancer or known[1] != process:
            known = load_balancer, process, render(load_balancer, process, self._memo)
            self._rendered = known
        return known[2]

    # --- what runs
    def running(self) -> str:
        """Hash of the structure that HAProxy has loaded; '' if it does not run, or runs something else.

        Raises SilentError when it does not say.
        """
        worker = self.service.reloads.worker()
        if worker is None:
            return self.service.running()
        self.present = worker.pid
        return worker.structure

    @property
    def unsure(self) -> bool:
        """Whether everything has to be read back: another worker came up, or it was long ago."""
        if self.generation is None or self.generation.load_balancer is None or not self.present:
            return False
        return self.present != self._worker or self.clock() >= self._compared_at + COMPARE_S

    # --- what is to be done
    def decision(self, load_balancer: LoadBalancer, process: Process) -> plan.Plan:
        """By what HAProxy itself says. Raises EngineError when it does not answer."""
        self._given = {key: line for key, line in self._given.items() if key in self.departures.leaving}
        return self._decision(load_balancer, process)

    def _decision(self, load_balancer: LoadBalancer, process: Process) -> plan.Plan:
        worker = self._asked = self.service.reloads.worker()
        self._compared, self._concerned = False, frozenset()
        if worker is None:
            return self._by_file(load_balancer, process)
        self.departures.of(worker.pid)
        if not worker.structure:
            return plan.Reload(("nothing of ours runs yet",))
        if self.doubt:
            return plan.Reload((self.doubt,))
        known = self.generation
        believed = (
            known is not None
            and known.load_balancer is not None
            and worker.structure == known.structure
            and worker.pid == self._worker
            and self.clock() < self._compared_at + COMPARE_S
        )
        if believed and known and known.load_balancer and process == self.process:
            changed = pools_alone(known.load_balancer, load_balancer)
            if changed is not None:
                return self._of_pools(worker, load_balancer, process, changed)
        return self._of_everything(worker, load_balancer, process)

    def _by_file(self, load_balancer: LoadBalancer, process: Process) -> plan.Plan:
        """HAProxy does not run, or belongs to somebody who told no way to ask it."""
        rendered, known = self.rendered(load_balancer, process), self.generation
        if self.service.running() == "":
            return plan.Reload(("nothing of ours runs yet",))
        if self.service.on_disk() == rendered.hash:
            return plan.NoChange()
        return plan.Reload(self._differences(known, load_balancer))

    def _of_pools(
        self, worker: Worker, load_balancer: LoadBalancer, process: Process, changed: Collection[str]
    ) -> plan.Plan:
        if not changed:
            return plan.NoChange()
        self._concerned = frozenset(changed)
        running = plan.Running(
            worker.structure,
            self.service.live.servers(changed),
            self._lines(changed, worker.version),
            maxconn=worker.maxconn,
            handled=frozenset(self._given),
        )
        wanted = plan.Wanted(
            worker.structure,
            _pools(load_balancer, process, changed, worker.version),
            maxconn=maxconn(load_balancer, process),
        )
        return self._without_known(plan.plan(running, wanted))

    def _of_everything(self, worker: Worker, load_balancer: LoadBalancer, process: Process) -> plan.Plan:
        rendered = self.rendered(load_balancer, process)
        if rendered.structure != worker.structure:
            known = self.generation
            fits = known is not None and known.structure == worker.structure
            return plan.Reload(self._differences(known if fits else None, load_balancer))
        names = frozenset(backend.name for backend in load_balancer.backends)
        self._compared, self._concerned = True, names
        maps = {name: plan.entries(text) for name, text in rendered.maps.items()}
        live = self.service.live
        found = live.maps(maps)
        running = plan.Running(
            worker.structure,
            live.servers(names),
            self._lines(names, worker.version),
            found,
            maxconn=worker.maxconn,
            handled=frozenset(self._given),
        )
        wanted = plan.Wanted(
            rendered.structure,
            _pools(load_balancer, process, names, worker.version),
            {name: entries for name, entries in maps.items() if entries or name in found},
            maxconn=rendered.maxconn,
        )
        return self._without_known(plan.plan(running, wanted, _ordered(maps)))

    def _without_known(self, decision: plan.Plan) -> plan.Plan:
        """What leaves already is no news."""
        if not isinstance(decision, plan.RuntimeUpdate):
            return decision
        rest = tuple(one for one in decision.leaving if one not in self.departures.leaving)
        if len(rest) == len(decision.leaving):
            return decision
        decision = replace(decision, leaving=rest)
        something = rest or decision.commands or decision.maps or decision.maintenance
        return decision if something else plan.NoChange()

    def _differences(self, known: plan.Generation | None, wanted: LoadBalancer) -> tuple[str, ...]:
        if known is None or known.load_balancer is None:
            return ("another configuration runs, from an earlier start",)
        found = tuple(differences(known.load_balancer, wanted))
        return found or ("settings, certificates or templates changed",)

    def _lines(self, names: Collection[str], version: tuple[int, ...]) -> Mapping[str, Mapping[str, Line]]:
        """The lines that the servers were given that run."""
        if self.generation is None or self.generation.load_balancer is None:
            found = lines_of(files.read(self.service.config) or "")
        else:
            pools = _pools(self.generation.load_balancer, self.process, names, version)
            found = {name: {line.name: line for line in of_one.lines} for name, of_one in pools.items()}
        for (backend, server), line in self._given.items():
            if backend in names:
                found.setdefault(backend, {}).setdefault(server, line)
        return found

    # --- doing it
    def refusal(self, update: plan.RuntimeUpdate, load_balancer: LoadBalancer, process: Process) -> str:
        """HAProxy's words if it would not start with what it is about to be told; '' if it would.

        Servers whose lines are all ours are not asked about: they read as those that it took before.
        """
        asked = bool(update.maps) or any(
            server.text
            for backend in load_balancer.backends
            if backend.name in update.backends
            for server in backend.servers
        )
        if not asked or not self.service.validate:
            return ""
        return self.service.check(self.rendered(load_balancer, process)) or ""

    def update(self, update: plan.RuntimeUpdate, load_balancer: LoadBalancer, process: Process) -> None:
        """By commands. Raises EngineError where HAProxy refuses, or does not do what it was told."""
        self.departures.stay(load_balancer)
        try:
            self.service.live.update(update)
            self._told(update, load_balancer, process)
        except EngineError:
            self._worker = 0  # what it has taken of it is found out by reading it back
            raise

    def _told(self, update: plan.RuntimeUpdate, load_balancer: LoadBalancer, process: Process) -> None:
        """All was taken; what leaves begins to when the file says so."""
        version = self._asked.version if self._asked else ()
        known = self._lines(self._concerned, version)
        pools = _pools(load_balancer, process, self._concerned, version)
        leave = [(backend, server, pools[backend].sticky) for backend, server in update.leaving]
        self.departures.begin(self._asked.pid if self._asked else 0, leave)
        for backend, server in update.leaving:
            if server in known.get(backend, {}):
                self._given[backend, server] = known[backend][server]
        for backend, of_one in pools.items():
            of_known = known.get(backend, {})
            self._given.update({(backend, it.name): it for it in of_one.lines if it.name not in of_known})
        rest = self._decision(load_balancer, process)  # acknowledge, don't hope
        if not isinstance(rest, plan.NoChange):
            raise RefusedCommandError(f"HAProxy took the commands, but then: {'; '.join(rest.reasons)}")

    def settled(self, load_balancer: LoadBalancer, process: Process) -> Rendered:
        """`load_balancer` is what runs now: so says the file, too. Raises EngineError if it cannot."""
        self.departures.stay(load_balancer)
        rendered = self.rendered(load_balancer, process)
        self.generation = plan.Generation(rendered.hash, rendered.structure, load_balancer)
        self.process = process
        if self._asked and self._compared:
            self._worker, self._compared_at = self._asked.pid, self.clock()
        if self.service.on_disk() != rendered.hash:
            self.service.place(rendered)
        return rendered

    def reload(self, load_balancer: LoadBalancer, process: Process) -> Rendered:
        """By a new worker. Raises as `Service.apply`."""
        rendered = self.rendered(load_balancer, process)
        generation = plan.Generation(rendered.hash, rendered.structure, load_balancer)
        try:
            self.service.apply(rendered)
        except NotRunningError:
            self.generation, self.process = generation, process
            raise
        self.generation, self.process, self.doubt = generation, process, ""
        self.departures.leaving.clear()  # the old worker ends what they have begun
        self._given.clear()
        worker = self.service.reloads.worker()
        self._worker, self._compared_at = (worker.pid if worker else 0), self.clock()
        return rendered

    def stands(self, rendered: Rendered) -> None:
        """`rendered` was put in place by somebody who knows its text alone. What is under way ends here."""
        self.generation, self.doubt = plan.Generation(rendered.hash, rendered.structure), ""
        self.departures.leaving.clear()
        self._given.clear()

    # --- servers that leave
    def look_after_leaving(self) -> None:
        """One step of each, if it is time. Raises RefusedCommandError: only a reload can help then."""
        try:
            self.departures.look()
        except RefusedCommandError as error:
            self.doubt = str(error)
            raise


def _pools(
    load_balancer: LoadBalancer,
    process: Process | None,
    names: Collection[str],
    version: tuple[int, ...],
) -> dict[str, Pool]:
    head = process.texts.get("HEAD", "") if process else ""
    wanted = frozenset(names)
    return {
        backend.name: pool(backend, version, head)
        for backend in load_balancer.backends
        if backend.name in wanted
    }


def _ordered(maps: Collection[str]) -> frozenset[str]:
    return frozenset(name for name in maps if not name.startswith(_LOOKED_UP_EXACTLY))
