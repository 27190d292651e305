"""VRRP: writes keepalived's configuration, records its transitions, stands in for a dead health program."""

from __future__ import annotations

import select
import signal
import time
from typing import TYPE_CHECKING

from appliance import interfaces, settings
from appliance.health import reports, supervisord
from appliance.health.deputy import Deputy
from appliance.health.process import Watched
from appliance.keepalived import leftover, model, notify, service
from appliance.keepalived.fifo import Fifo
from appliance.keepalived.generator import Generator
from appliance.keepalived.hooks import Hooks
from appliance.programs import admission
from appliance.programs.handover import missing
from appliance.programs.router import Router
from appliance.programs.transitions import Report
from appliance.status import events

if TYPE_CHECKING:
    from types import FrameType

    from appliance.paths import Paths

WATCH_INTERVAL_S = 0.2
UPDATE_INTERVAL_S = 1.0


class Program:
    """One loop over the fifo, the adverts, and the ends of keepalived and of health.

    Between an advert that foretells a move and the move are 100 to 200 ms: nothing here may wait long.
    """

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.settings = settings.Current(paths.settings)
        self.poll = select.poll()
        self.fifo = Fifo(paths.vrrp_fifo)
        self.poll.register(self.fifo, select.POLLIN)
        self.generator = Generator(paths, admission.refusal)
        self.report = Report(paths.vrrp_report)
        self.hooks = Hooks(
            paths.hooks,
            paths.log / "notify.log",
            lambda words: events.record(paths.events, "notify", words),
        )
        self.routers: list[Router] = []
        self.obstacle = missing(paths)
        self.deputy = Deputy(paths, lambda: self.settings.read().cluster.releases)
        self.health_report = reports.Report(paths.health_report)
        self.keepalived = Watched(self.poll, lambda: service.pid(paths))
        self.keepalived_gone_at: float | None = None
        self.health = Watched(self.poll, self._health_pid)
        self.running = True

    def run(self) -> None:
        update_at = 0.0
        while self.running:
            if time.monotonic() >= update_at:
                update_at = time.monotonic() + UPDATE_INTERVAL_S
                self._update()
            self.keepalived.find()
            self.health.find()
            self._stand_in()
            self.poll.poll(WATCH_INTERVAL_S * 1000)
            for router in self.routers:
                router.hear()
            for notice in filter(None, map(notify.parse, self.fifo.lines())):
                for router in self.routers:
                    router.notice(notice)
            if self.keepalived.ended():
                supervisord.poke(self.paths.supervisor_socket)
                for router in self.routers:
                    router.transitions.ended()
            if self.health.ended():
                supervisord.poke(self.paths.supervisor_socket)
        for router in self.routers:
            router.end()
        self.hooks.end()

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.running = False

    def _update(self) -> None:
        """Bring configuration, fifo and raw sockets to where they should be now."""
        done = self.generator.update(self.settings.read())
        if done:
            events.record(self.paths.events, "vrrp", done)
        if self.fifo.replaced():
            self.poll.unregister(self.fifo)
            self.fifo.reopen()
            self.poll.register(self.fifo, select.POLLIN)
        self._follow_settings()
        self.report.again()
        for router in self.routers:
            router.listen()
        self._clean_up()

    def _clean_up(self) -> None:
        """A VIP whose keepalived does not come back must not stay here."""
        if service.runs(self.paths):
            self.keepalived_gone_at = None
            return
        now = time.monotonic()
        gone_s = now - (self.keepalived_gone_at or now)
        self.keepalived_gone_at = now - gone_s
        left = [it for it in self.routers if leftover.is_left(gone_s, it.transitions.own_priority())]
        for address in leftover.take_off(self.paths, [router.place for router in left]):
            events.record(
                self.paths.events, "vrrp", f"{address} is taken off: keepalived left it and does not run"
            )

    def _follow_settings(self) -> None:
        """One router for each VIP that keepalived runs; those of VIPs that stay as they are go on."""
        if self.generator.problem and self.routers:
            return
        wanted = self.settings.read()
        present = interfaces.interfaces()
        places = [(vip, model.interface_of(wanted, vip, present)) for vip in wanted.vips]
        if [router.place for router in self.routers] == places:
            return
        for router in self.routers:
            if router.place not in places:
                router.end()
        kept = {router.place: router for router in self.routers if router.place in places}
        self.routers = [kept.get(place) or self._router(*place) for place in places]
        self.report.only([vip.address for vip in wanted.vips])

    def _router(self, vip: settings.Vip, interface: str) -> Router:
        made = Router(
            self.paths,
            self.settings,
            vip,
            interface,
            report=self.report,
            hooks=self.hooks,
            poll=self.poll,
            obstacle=self.obstacle,
        )
        made.begin(runs=service.runs(self.paths))
        return made

    def _stand_in(self) -> None:
        pid = self._health_pid()
        change = self.deputy.watch(ended=pid is not None and pid == self.health.dead)
        if change:
            events.record(self.paths.events, "verdict", change)

    def _health_pid(self) -> int | None:
        pid = self.health_report.read().get("pid")
        return pid if isinstance(pid, int) else None


def main(paths: Paths) -> int:
    program = Program(paths)
    signal.signal(signal.SIGTERM, program.stop)
    signal.signal(signal.SIGINT, program.stop)
    program.run()
    return 0
