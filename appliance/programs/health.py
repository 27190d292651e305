"""Health: looks at the load balancer twenty times a second and writes the verdict keepalived adds up."""

from __future__ import annotations

import os
import select
import signal
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from appliance import files, settings
from appliance.health import foreign, orders, probe, process, reports, supervisord
from appliance.health.compare import Sight
from appliance.health.peers import Peers
from appliance.health.servers import Servers
from appliance.health.state import LOOK_INTERVAL_S, PEER_FRESH_S, Health, Look, Picture, step
from appliance.health.verdict import Verdict
from appliance.settings import AGENT_PORT
from appliance.status import events

if TYPE_CHECKING:
    from types import FrameType

    from appliance.paths import Paths


class Program:
    """State of the loop. `look` and `died` are the two things that can happen."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.started_at = time.time()
        self.state = Health()
        self.verdict_since = time.time()
        self.cluster = settings.Current(paths.settings)
        self.peers = Peers((), "", AGENT_PORT)
        self.asked: tuple[str, tuple[str, ...]] = ("", ())
        self.lb_report = reports.Report(paths.lb_report)
        self.orders = orders.Reader(paths)
        self.ordered = self.orders.read()
        self.servers = Servers(paths.haproxy_socket)
        self.has_served = paths.heartbeat.exists()
        """Since the boot: a pause freezes nothing that a restart of the node has yet to earn."""
        self.poll = select.poll()
        self.haproxy = process.Watched(self.poll, self._master)
        self.marathons = foreign.Master()
        self.running = True
        self.report = files.Report(paths.health_report)
        self.track, self.heart = files.Tried(paths.track_file), files.Tried(paths.heartbeat)
        self._published: dict[str, object] = {}

    def run(self) -> None:
        due = time.monotonic()
        self.servers.start()
        while self.running:
            wait_s = max(due - time.monotonic(), 0.0)
            self.poll.poll(wait_s * 1000)
            if self.haproxy.ended():
                self.died()
            elif time.monotonic() >= due:
                due = max(due + LOOK_INTERVAL_S, time.monotonic())
                self.look()
        self.servers.stop()
        if not self.ordered.paused:
            self.track.write(lambda: reports.write_weight(self.paths, Verdict.NO_LB))

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.running = False

    def look(self) -> None:
        """Ask HAProxy once, and find its master again after its death."""
        self.haproxy.find()
        self._follow(self._seen(problem=foreign.ask() if self._floating else probe.ask()))
        self.heart.write(lambda: reports.beat(self.paths))

    def died(self) -> None:
        """Give the verdict first, then have supervisord start HAProxy again."""
        self._follow(self._seen(died=True))
        supervisord.poke(self.paths.supervisor_socket)

    @property
    def _floating(self) -> bool:
        return self.cluster.read().lb.floating

    def _master(self) -> int | None:
        if self._floating:
            return self.marathons.find() if self.state.up else None
        return process.listener(self.paths.haproxy_master_socket)

    def _seen(self, *, problem: str = "", died: bool = False) -> Look:
        cluster = self.cluster.read().cluster
        asked = cluster.address, tuple(peer.address for peer in cluster.peers)
        if asked != self.asked:
            self.peers.stop()
            self.peers, self.asked = Peers(asked[1], asked[0], AGENT_PORT), asked
        self.ordered = self.orders.read()
        lb_report = self.lb_report.read()
        age_s = reports.picture_age_s(lb_report, self.lb_report.written_at, time.time())
        return Look(
            problem=problem,
            died=died,
            picture=Picture.MARATHON if self._floating else reports.picture(lb_report),
            floating=self._floating,
            releases=cluster.releases,
            draining=self.ordered.drained,
            drain_reason=self.ordered.reason,
            preferred=self.ordered.preferred,
            preferred_name=self.ordered.preferred_name,
            insists=self.ordered.insists,
            sight=Sight(age_s, self.servers.up),
            peers=tuple(self.peers.known().values()),
        )

    def _follow(self, look: Look) -> None:
        before, self.state = self.state, step(self.state, look, time.monotonic())
        self.has_served |= self.state.verdict.serves
        self.track.write(lambda: reports.write_number(self.paths, self._number()))
        self._publish(look)
        if before.verdict is not self.state.verdict:
            self._record(before)
        ended = self.orders.end_what_is_over()
        if ended:
            events.record(self.paths.events, "drain", f"undrained: {ended}")

    def _number(self) -> int:
        """The verdict's, or the one that a pause froze."""
        frozen = self.ordered.frozen
        if not self.ordered.paused or frozen is None:
            return self.state.verdict.value
        return frozen if self.has_served else min(frozen, self.state.verdict.value)

    def _publish(self, look: Look) -> None:
        """The report, when something in it changed."""
        state, now = self.state, time.monotonic()
        facts = {
            "verdict": state.verdict.name,
            "weight": self._number(),
            "reasons": state.reasons,
            "lb_ok": state.up,
            "draining": look.draining,
            "yields_to": look.preferred_name if state.yields else "",
            "paused": self.ordered.paused,
            "servers_up": look.sight.servers_up,
            "servers": asdict(self.servers.counts) if self.servers.counts else None,
            "peers": {
                peer.address: {
                    "verdict": peer.verdict.name,
                    "answers": now - peer.at <= PEER_FRESH_S,
                    "holds_vip": peer.holds,
                }
                for peer in look.peers
            },
        }
        if facts == self._published and not self.report.trouble:
            return
        if self._published.get("verdict") != facts["verdict"]:
            self.verdict_since = time.time()
        self._published = facts
        self.report.put(
            {**facts, "since": self.started_at, "pid": os.getpid(), "verdict_since": self.verdict_since}
        )

    def _record(self, before: Health) -> None:
        after = self.state
        why = f": {', '.join(after.reasons)}" if after.reasons else ""
        events.record(
            self.paths.events,
            "verdict",
            f"{before.verdict.words} -> {after.verdict.words}{why}",
            before=before.verdict.name,
            verdict=after.verdict.name,
            weight=after.verdict.value,
            reasons=after.reasons,
        )


def main(paths: Paths) -> int:
    program = Program(paths)
    signal.signal(signal.SIGTERM, program.stop)
    signal.signal(signal.SIGINT, program.stop)
    program.run()
    return 0
