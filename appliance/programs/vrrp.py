"""VRRP: writes keepalived's configuration, records its transitions, stands in for a dead health program."""

from __future__ import annotations

import select
import signal
import time
from typing import TYPE_CHECKING

from appliance import files, interfaces, settings
from appliance.health import reports, supervisord
from appliance.health.deputy import Deputy
from appliance.health.process import Watched
from appliance.health.verdict import named
from appliance.keepalived import advert, notify, priority, service
from appliance.keepalived.cause import Witness, cause
from appliance.keepalived.fifo import Fifo
from appliance.keepalived.generator import Generator
from appliance.keepalived.notify import State, Vrrp
from appliance.status import events

if TYPE_CHECKING:
    import socket
    from types import FrameType

    from appliance.keepalived.advert import Advert
    from appliance.paths import Paths

WATCH_INTERVAL_S = 0.2
UPDATE_INTERVAL_S = 1.0
REPORT_LAG_S = 0.02
"""keepalived acts on the track file's number before health has published the reasons for it."""


class Program:
    """One loop over the fifo, the adverts, and the ends of keepalived and of health."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.started_at = time.time()
        self.settings = settings.Current(paths.settings)
        self.poll = select.poll()
        self.fifo = Fifo(paths.vrrp_fifo)
        self.poll.register(self.fifo, select.POLLIN)
        self.generator = Generator(paths)
        self.deputy = Deputy(paths)
        self.health_report = reports.Report(paths.health_report)
        self.keepalived = Watched(self.poll, lambda: service.pid(paths))
        self.health = Watched(self.poll, self._health_pid)
        self.adverts: socket.socket | None = None
        self.heard: Advert | None = None
        self.vrrp = Vrrp()
        self.why = ""
        self.running = True

    def run(self) -> None:
        update_at = 0.0
        self.keepalived.find()
        self._know(self._truth())
        self.health.find()
        while self.running:
            if time.monotonic() >= update_at:
                update_at = time.monotonic() + UPDATE_INTERVAL_S
                self._update()
            self.poll.poll(WATCH_INTERVAL_S * 1000)
            self._hear()
            for line in self.fifo.lines():
                self._notice(line)
            if self.keepalived.ended():
                self._keepalived_ended()
            if self.health.ended():
                supervisord.poke(self.paths.supervisor_socket)
            self.keepalived.find()
            self.health.find()
            self._watch_health()

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.running = False

    def _update(self) -> None:
        """Configuration, fifo and raw socket as they should be now."""
        done = self.generator.update(self.settings.read())
        if done:
            events.record(self.paths.events, "vrrp", done)
        if self.fifo.replaced():
            self.poll.unregister(self.fifo)
            self.fifo.reopen()
            self.poll.register(self.fifo, select.POLLIN)
        if self.adverts is None:
            try:
                self.adverts = advert.listen(self.settings.read().vip.interface)
            except OSError:
                return
            self.poll.register(self.adverts, select.POLLIN)

    def _hear(self) -> None:
        if self.adverts is None:
            return
        wanted = self.settings.read()
        for heard in advert.receive(self.adverts, wanted.vip.virtual_router_id, time.monotonic()):
            if heard.source != wanted.cluster.address:
                self.heard = heard

    def _notice(self, line: str) -> None:
        notice = notify.parse(line)
        if notice is not None:
            self._know(notify.follow(self.vrrp, notice, time.time()))

    def _keepalived_ended(self) -> None:
        supervisord.poke(self.paths.supervisor_socket)
        if self.vrrp.state is not State.STOP:
            self._know(Vrrp(State.STOP, time.time(), self.vrrp.priority), "the keepalived process ended")

    def _watch_health(self) -> None:
        pid = self._health_pid()
        change = self.deputy.watch(ended=pid is not None and pid == self.health.dead)
        if change:
            events.record(self.paths.events, "verdict", change)

    def _health_pid(self) -> int | None:
        pid = self.health_report.read().get("pid")
        return pid if isinstance(pid, int) else None

    def _truth(self) -> Vrrp:
        """The state without having heard anything: by the process, the interface and the track file."""
        if self.keepalived.pid is None:
            return Vrrp(State.STOP, time.time())
        if interfaces.holds(self.settings.read().vip.address):
            return Vrrp(State.MASTER, time.time(), self._own_priority())
        own = self._own_priority()
        return Vrrp(State.FAULT if own is None else State.BACKUP, time.time(), own)

    def _know(self, after: Vrrp, why: str = "") -> None:
        """Record a transition with its cause, and publish what changed."""
        before, self.vrrp = self.vrrp, after
        if before.state is not after.state and before.state is not State.UNKNOWN:
            self.why = why or cause(before.state, after.state, self._witness())
            message = f"{before.state.value} -> {after.state.value}: {self.why}"
            facts = {"before": before.state.value, "state": after.state.value, "cause": self.why}
            events.record(self.paths.events, "vrrp", message, priority=after.priority, **facts)
        if before != after:
            files.publish(
                self.paths.vrrp_report,
                {
                    "since": self.started_at,
                    "state": after.state.value,
                    "state_since": after.since,
                    "priority": after.priority,
                    "cause": self.why,
                },
            )

    def _own_priority(self) -> int | None:
        return priority.effective(self.settings.read().cluster.rank, reports.weight(self.paths) or 0)

    def _witness(self) -> Witness:
        heard_age_s = time.monotonic() - self.heard.at if self.heard else 1e9
        time.sleep(REPORT_LAG_S)
        report, wanted = self.health_report.read(), self.settings.read()
        reasons = report.get("reasons")
        words = [named(str(report.get("verdict"))).words]
        words += map(str, reasons) if isinstance(reasons, list) else []
        since = report.get("verdict_since")
        return Witness(
            own_verdict="the health program is silent" if self.deputy.acting else ", ".join(words),
            own_verdict_age_s=time.time() - since if isinstance(since, (int, float)) else 1e9,
            own_priority=self._own_priority(),
            heard=self.heard,
            heard_age_s=heard_age_s,
            advert_interval_s=wanted.vip.advert_interval_s,
            names={node.address: node.name for node in wanted.cluster.nodes},
        )


def main(paths: Paths) -> int:
    program = Program(paths)
    signal.signal(signal.SIGTERM, program.stop)
    signal.signal(signal.SIGINT, program.stop)
    program.run()
    return 0
