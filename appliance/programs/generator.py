"""One pass of the generator: what Marathon runs becomes what HAProxy serves."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Callable

from appliance.errors import EngineError, NotRunningError
from appliance.haproxy import plan, ports
from appliance.haproxy.culprits import culprits, without
from appliance.haproxy.model import LoadBalancer
from appliance.haproxy.render import Rendered, render
from appliance.haproxy.service import RefusedError
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

    wanted: plan.Generation | None = None
    translation: Translation | None = None
    generation: int = 0
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

    def rendered(self, cluster: Cluster) -> Rendered:
        """What HAProxy shall be given for `cluster`, all of it; nothing is changed."""
        translation = self._translate(cluster)
        self.process = self.furnish(self.process)
        return render(translation.load_balancer, self.process)

    def empty(self) -> Rendered:
        """What HAProxy is given while nothing is known: it runs, and answers 503."""
        self.process = self.furnish(self.process)
        return render(LoadBalancer(), self.process)

    def step(self, cluster: Cluster) -> plan.Plan:
        """Bring HAProxy to serve `cluster`. Raises EngineError; the last good configuration then stays."""
        self.process = self.furnish(self.process)
        if self.ports:
            self.ports.look(self._own_ports())
        load_balancer = self._acceptable(cluster)
        rendered = render(load_balancer, self.process)
        decision = self.decision(plan.Generation(rendered.hash, load_balancer))
        if isinstance(decision, plan.Reload):
            if rendered.hash == self.failed[0]:
                raise EngineError(self.failed[1])
            log.info("reload: %s", summary(decision.reasons))
            self.tally.reload_for(decision.reasons)
            self._apply(cluster, rendered, load_balancer)
        else:
            self.wanted = plan.Generation(rendered.hash, load_balancer)
            self._keep_on_disk(rendered)
        served = self.translation.services if self.translation else ()
        names = {backend.name for backend in load_balancer.backends}
        self.last_good = {service.key: service for name, service in served if name in names}
        if self.last_good != self.remembered:
            self.remembered = self.last_good
            self.remember(self.last_good)
        return decision

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
        if running and self.wanted and self.wanted.load_balancer and running == self.wanted.hash:
            return ports.of(self.wanted.load_balancer)
        if running:
            text = self.service.loaded()
            return ports.places(text) if text else None
        return frozenset() if self.service.on_disk() or not self.service.config.exists() else None

    def decision(self, wanted: plan.Generation) -> plan.Plan:
        """What is to be done, by what HAProxy itself says it has loaded."""
        running = self.service.running()
        if self.wanted is not None and running == self.wanted.hash:
            return plan.plan(self.wanted, wanted)
        return plan.plan(plan.Generation(running) if running else None, wanted)

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

    def _apply(self, cluster: Cluster, rendered: Rendered, load_balancer: LoadBalancer) -> None:
        try:
            self._hand_over(rendered, load_balancer)
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
            rest = self._acceptable(cluster)
            self._apply(cluster, render(rest, self.process), rest)

    def _guilty(self, load_balancer: LoadBalancer) -> dict[str, str]:
        return culprits(load_balancer, lambda one: self.service.check(render(one, self.process)))

    def _keep_on_disk(self, rendered: Rendered) -> None:
        """What runs has to be what HAProxy would start with."""
        if self.service.on_disk() != rendered.hash:
            log.warning("%s was changed by somebody: written anew", self.service.config)
            self.service.place(rendered)

    def _hand_over(self, rendered: Rendered, load_balancer: LoadBalancer) -> None:
        generation = plan.Generation(rendered.hash, load_balancer)
        try:
            with self.tally.timing("reload"):
                self.service.apply(rendered)
        except NotRunningError:
            self.wanted = generation
            raise
        except EngineError as error:
            self.failed = (rendered.hash, str(error))
            self.failures = self.failures + 1 if rendered.hash == self.failing else 1
            self.failing = rendered.hash
            raise
        self.wanted = generation
        self.failed, self.failures = ("", ""), 0
        self.generation += 1


def names_of(backends: Collection[Backend]) -> frozenset[str]:
    return frozenset(backend.name for backend in backends)


def summary(reasons: tuple[str, ...]) -> str:
    more = len(reasons) - _REASONS_SHOWN
    return "; ".join(reasons[:_REASONS_SHOWN]) + (f"; and {more} more" if more > 0 else "")
