"""One pass of the generator: what Marathon runs becomes what HAProxy serves."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Callable, Union

from appliance.errors import EngineError, NotRunningError, SilentError
from appliance.haproxy import plan, ports
from appliance.haproxy.culprits import culprits, without
from appliance.haproxy.differences import meanwhile
from appliance.haproxy.model import LoadBalancer
from appliance.haproxy.render import Rendered, maxconn, render
from appliance.haproxy.rollout import Rollout
from appliance.haproxy.service import RefusedError
from appliance.programs.loop import Bucket
from appliance.programs.tally import Tally
from appliance.services.last_good import KEPT, LastGood
from appliance.services.memo import Memo
from appliance.services.model import Ask, Quarantined
from appliance.services.translate import translate

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from appliance.haproxy.model import Backend, Process
    from appliance.haproxy.ports import Place, Ports
    from appliance.haproxy.service import Service
    from appliance.marathon.model import Cluster
    from appliance.services.model import Key
    from appliance.services.model import Service as Served
    from appliance.services.translate import Selection, Translation

log = logging.getLogger(__name__)
_REASONS_SHOWN = 5
Outcome = Union[plan.Plan, plan.Postponed]


@dataclass(frozen=True)
class Applied:
    """One generation, as it was put into effect."""

    number: int
    at: float
    """Unix seconds."""
    kind: str
    """`runtime` or `reload`."""
    reasons: tuple[str, ...]
    duration_s: float
    rendered: Rendered


@dataclass
class Generator:
    """Keeps between passes what has to be compared with: the last generation and who was refused."""

    service: Service
    process: Process
    selection: Selection
    resolve: Callable[[Collection[str]], Mapping[str, str]]
    """IP addresses by host."""
    furnish: Callable[[Process], Process] = field(default=lambda process: process)
    """The same process with the operator's files as they are now."""
    ask: Ask = field(default_factory=Ask)
    """About certificates and texts that labels name or hold."""
    ports: Ports | None = None
    """Tells ports that somebody else holds; None: nobody looks."""
    own_app: str = ""
    """Id of the app that is this load balancer itself: never served."""
    exclude_refused: bool = True
    """Find the backends that make HAProxy refuse the file, and serve the rest."""

    reloads_per_minute: int = 30

    translation: Translation | None = None
    generation: int = 0
    applied: Applied | None = None
    """The newest generation of this run."""
    refused: dict[Backend, Quarantined] = field(default_factory=dict)
    last_good: dict[Key, Served] = field(default_factory=dict)
    """What HAProxy took last."""
    remember: Callable[[Mapping[Key, Served]], None] = field(default=lambda _: None)
    """Told each time that this becomes other than what it was told before."""
    remembered: Mapping[Key, Served] = field(default_factory=dict)
    failed: tuple[str, str] = ("", "")
    """Hash of the configuration that could not be applied last, and why. Cleared, it is tried again."""
    failures: int = 0
    """How often one and the same configuration could not be applied in a row."""
    failing: str = ""

    memo: Memo = field(default_factory=Memo)
    tally: Tally = field(default_factory=Tally)
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self.rollout = Rollout(self.service, self.clock)
        self.bucket = Bucket(self.reloads_per_minute)

    @property
    def wanted(self) -> plan.Generation | None:
        """What runs, as far as it was acknowledged, and what the file says."""
        return self.rollout.generation

    @wanted.setter
    def wanted(self, generation: plan.Generation) -> None:
        self.rollout.generation = generation

    def rendered(self, cluster: Cluster) -> Rendered:
        """What HAProxy shall be given for `cluster`, all of it; nothing is changed."""
        translation = self._translate(cluster)
        self.process = self.furnish(self.process)
        return render(translation.load_balancer, self.process)

    def empty(self) -> Rendered:
        """What HAProxy is given while nothing is known: it runs, and answers 503."""
        self.process = self.furnish(self.process)
        return render(LoadBalancer(), self.process)

    def step(self, cluster: Cluster) -> Outcome:
        """Bring HAProxy to serve `cluster`. Raises EngineError; the last good configuration then stays."""
        self.process = self.furnish(self.process)
        if self.ports:
            self.ports.look(self._own_ports())
        outcome, load_balancer = self._carried_out(cluster, self._acceptable(cluster))
        if isinstance(outcome, plan.Postponed):
            return outcome
        served = self.translation.services if self.translation else ()
        names = {backend.name for backend in load_balancer.backends}
        self.last_good = {service.key: service for name, service in served if name in names}
        if self.last_good != self.remembered:
            self.remembered = self.last_good
            self.remember(self.last_good)
        return outcome

    def _carried_out(self, cluster: Cluster, load_balancer: LoadBalancer) -> tuple[Outcome, LoadBalancer]:
        """What was done, and what is served now."""
        began = self.clock()
        maxconn(load_balancer, self.process)  # raises where HAProxy could not open as many files
        decision = self._without_reload(load_balancer)
        if not isinstance(decision, plan.Reload):
            rendered = self.rollout.settled(load_balancer, self.process)
            if isinstance(decision, plan.RuntimeUpdate):
                self._note("runtime", decision.reasons, began, rendered)
            return decision, load_balancer
        rendered = self.rollout.rendered(load_balancer, self.process)
        if rendered.hash == self.failed[0]:
            raise EngineError(self.failed[1])
        due = self.bucket.due(began)
        if due > began:
            self._meanwhile(load_balancer, decision)
            return plan.Postponed(decision.reasons, due), load_balancer
        log.info("reload: %s", summary(decision.reasons))
        self.tally.reload_for(decision.reasons)
        load_balancer = self._apply(cluster, load_balancer)
        self._note("reload", decision.reasons, began, self.rollout.rendered(load_balancer, self.process))
        return decision, load_balancer

    def _without_reload(self, load_balancer: LoadBalancer) -> plan.Plan:
        """What there was to do; it is done unless it is a reload. A refusal makes it one."""
        try:
            decision = self.rollout.decision(load_balancer, self.process)
            if isinstance(decision, plan.RuntimeUpdate):
                if self.rollout.refusal(decision, load_balancer, self.process):
                    return plan.Reload(decision.reasons, decision.backends)  # finds who is refused
                log.info("runtime: %s", summary(decision.reasons))
                with self.tally.timing("runtime"):
                    self.rollout.update(decision, load_balancer, self.process)
        except SilentError:
            raise  # it can be told nothing; what was known last stands
        except EngineError as error:
            log.warning("%s: reload", error)
            self.rollout.doubt = str(error)
            return plan.Reload((str(error),))
        return decision

    def _meanwhile(self, load_balancer: LoadBalancer, waiting: plan.Reload) -> None:
        """Servers come and go while a reload waits its turn."""
        known = self.rollout.generation
        if known is None or known.load_balancer is None or self.rollout.doubt:
            return
        now = meanwhile(known.load_balancer, load_balancer, waiting.backends)
        began = self.clock()
        decision = self._without_reload(now)
        if isinstance(decision, plan.RuntimeUpdate):
            self._note("runtime", decision.reasons, began, self.rollout.settled(now, self.process))

    def _note(self, kind: str, reasons: tuple[str, ...], began: float, rendered: Rendered) -> None:
        self.generation += 1
        self.applied = Applied(self.generation, time.time(), kind, reasons, self.clock() - began, rendered)

    def ports_changed(self, running: str) -> bool:
        """Whether a service port came free, or one is held that keeps HAProxy from starting."""
        if self.ports is None:
            return False
        if running or self.wanted is None or self.wanted.load_balancer is None:
            return self.ports.freed()
        return self.ports.freed() or self.ports.bar(ports.of(self.wanted.load_balancer))

    def cannot_start(self, running: str) -> bool:
        """Whether what an earlier run left on disk serves nobody: it is empty, damaged, or a port is held."""
        on_disk = self.service.on_disk()
        if not running and on_disk and self.ports and self.ports.bar(ports.places(self.service.text())):
            return True
        return on_disk in ("", self.empty().hash)

    def _own_ports(self) -> frozenset[Place] | None:
        """Service ports that HAProxy has; empty: it does not run; None: it is not known."""
        running = self.service.running()
        if running and self.wanted and self.wanted.load_balancer and running == self.wanted.structure:
            return ports.of(self.wanted.load_balancer)
        if running:
            text = self.service.loaded()
            return ports.places(text) if text else None
        return frozenset() if self.service.on_disk() or not self.service.config.exists() else None

    @property
    def quarantined(self) -> list[tuple[str, str]]:
        """(app id, reason) of all that is not served as it asks, whoever found that out."""
        if self.translation is None:
            return []
        kept = self.translation.kept
        found = {(one.app_id, one.reason) for one in self.translation.quarantined}
        found |= {
            (one.app_id, one.reason + (KEPT if (one.app_id, one.index) in kept else ""))
            for one in list(self.refused.values())
        }
        return sorted(found)

    def _translate(self, cluster: Cluster, refused: frozenset[Key] = frozenset()) -> Translation:
        if self.own_app:
            cluster = replace(cluster, apps=tuple(app for app in cluster.apps if app.id != self.own_app))
        addresses = self.resolve(self.memo.hosts(cluster))
        last_good = LastGood(self.last_good, refused)
        return translate(cluster, self.selection, addresses, self.memo, self.ask, last_good=last_good)

    def _acceptable(self, cluster: Cluster) -> LoadBalancer:
        """A backend that HAProxy has refused is not tried again until it changes: its last good one stays."""
        translation = self._translate(cluster)
        present = {service.key for _, service in translation.services}
        self.last_good = {key: service for key, service in self.last_good.items() if key in present}
        refused = self._refused_in(translation)
        again: dict[Backend, Quarantined] = {}
        if refused:
            keys = frozenset(
                service.key for name, service in translation.services if name in names_of(refused)
            )
            translation = self._translate(cluster, keys)
            again = self._refused_in(translation)
        self.refused = {**refused, **again}
        self.translation = translation
        return without(translation.load_balancer, names_of(again)) if again else translation.load_balancer

    def _refused_in(self, translation: Translation) -> dict[Backend, Quarantined]:
        if not self.refused:
            return {}
        backends = translation.load_balancer.backends
        return {backend: self.refused[backend] for backend in backends if backend in self.refused}

    def _apply(self, cluster: Cluster, load_balancer: LoadBalancer) -> LoadBalancer:
        """By a reload, without those that HAProxy refuses. What is served now."""
        try:
            self._reload(load_balancer)
        except RefusedError:
            guilty = self._guilty(load_balancer) if self.exclude_refused else {}
            if not guilty or self.translation is None:
                raise
            services = dict(self.translation.services)
            for backend in load_balancer.backends:
                if backend.name in guilty:
                    service = services[backend.name]
                    words = f"HAProxy refuses it: {guilty[backend.name]}"
                    self.refused[backend] = Quarantined(service.app_id, words, service.index)
            return self._apply(cluster, self._acceptable(cluster))
        return load_balancer

    def _guilty(self, load_balancer: LoadBalancer) -> dict[str, str]:
        return culprits(load_balancer, lambda one: self.service.check(render(one, self.process)))

    def _reload(self, load_balancer: LoadBalancer) -> None:
        wanted = self.rollout.rendered(load_balancer, self.process).hash
        self.bucket = self.bucket.taken(self.clock())
        try:
            with self.tally.timing("reload"):
                self.rollout.reload(load_balancer, self.process)
        except NotRunningError:
            raise
        except EngineError as error:
            self.failed = (wanted, str(error))
            self.failures = self.failures + 1 if wanted == self.failing else 1
            self.failing = wanted
            raise
        self.failed, self.failures = ("", ""), 0


def names_of(backends: Collection[Backend]) -> frozenset[str]:
    return frozenset(backend.name for backend in backends)


def summary(reasons: tuple[str, ...]) -> str:
    more = len(reasons) - _REASONS_SHOWN
    return "; ".join(reasons[:_REASONS_SHOWN]) + (f"; and {more} more" if more > 0 else "")
