"""VRRP: writes keepalived's configuration, records its transitions, stands in for a dead health program."""

from __future__ import annotations

import select
import signal
import time
from typing import TYPE_CHECKING

from appliance import settings
from appliance.health import reports, supervisord
from appliance.health.deputy import Deputy
from appliance.health.process import Watched
from appliance.keepalived import service
from appliance.keepalived.fifo import Fifo
from appliance.keepalived.generator import Generator
from appliance.programs.handover import OpenConnections
from appliance.programs.transitions import Transitions
from appliance.status import events

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from appliance.keepalived.advert import Advert
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
        self.generator = Generator(paths)
        self.transitions = Transitions(paths, self.settings)
        self.handover = OpenConnections(paths, self.settings)
        self.deputy = Deputy(paths)
        self.health_report = reports.Report(paths.health_report)
        self.keepalived = Watched(self.poll, lambda: service.pid(paths))
        self.health = Watched(self.poll, self._health_pid)
        self.running = True

    def run(self) -> None:
        update_at = 0.0
        self.handover.begin()
        self.transitions.begin(runs=service.runs(self.paths), handover=self.handover.words)
        while self.running:
            if time.monotonic() >= update_at:
                update_at = time.monotonic() + UPDATE_INTERVAL_S
                self._update()
            self.keepalived.find()
            self.health.find()
            self._stand_in()
            self.poll.poll(WATCH_INTERVAL_S * 1000)
            adverts = self.transitions.hear()
            self._follow(adverts)
            for line in self.fifo.lines():
                self.transitions.notice(line)
                self._follow()
            if self.keepalived.ended():
                supervisord.poke(self.paths.supervisor_socket)
                self.transitions.ended()
            if self.health.ended():
                supervisord.poke(self.paths.supervisor_socket)
        self.handover.end()

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.running = False

    def _update(self) -> None:
        """Bring configuration, fifo and raw socket to where they should be now."""
        done = self.generator.update(self.settings.read())
        if done:
            events.record(self.paths.events, "vrrp", done)
        if self.fifo.replaced():
            self.poll.unregister(self.fifo)
            self.fifo.reopen()
            self.poll.register(self.fifo, select.POLLIN)
        if self.transitions.listen() and self.transitions.adverts is not None:
            self.poll.register(self.transitions.adverts, select.POLLIN)

    def _follow(self, adverts: Sequence[Advert] = ()) -> None:
        self.handover.turn(self.transitions.state, self.transitions.own_priority(), adverts)
        self.transitions.tell(self.handover.words)

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
