"""The recorder of VRRP transitions: what keepalived says, and why it came to that."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from appliance import files, interfaces
from appliance.health import reports
from appliance.health.verdict import named
from appliance.keepalived import advert, notify, priority
from appliance.keepalived.cause import Witness, cause
from appliance.keepalived.notify import State, Vrrp
from appliance.status import events

if TYPE_CHECKING:
    import socket

    from appliance.keepalived.advert import Advert
    from appliance.paths import Paths
    from appliance.settings import Current

NEVER_S = 1e9
REPORT_LAG_S = 0.02
"""keepalived acts on the track file's number before health has published the reasons for it."""


class Transitions:
    """Follows this node's instance, publishes its state, records each change with its cause."""

    def __init__(self, paths: Paths, settings: Current) -> None:
        self._paths = paths
        self._settings = settings
        self._started_at = time.time()
        self._health = reports.Report(paths.health_report)
        self._vrrp = Vrrp()
        self._cause = ""
        self._handover = ""
        self._heard: Advert | None = None
        self.adverts: socket.socket | None = None

    def listen(self) -> bool:
        """Hear the other nodes as soon as the interface is there. True when it just began."""
        if self.adverts is None:
            with contextlib.suppress(OSError):
                self.adverts = advert.listen(self._settings.read().vip.interface)
                return True
        return False

    @property
    def state(self) -> State:
        return self._vrrp.state

    def hear(self) -> tuple[Advert, ...]:
        """Take in the adverts of other nodes that arrived, oldest first."""
        if self.adverts is None:
            return ()
        wanted = self._settings.read()
        arrived = advert.receive(self.adverts, wanted.vip.virtual_router_id, time.monotonic())
        heard = tuple(it for it in arrived if it.source != wanted.cluster.address)
        if heard:
            self._heard = heard[-1]
        return heard

    def tell(self, handover: str) -> None:
        """Publish whether open connections survive a planned move."""
        if handover != self._handover:
            self._handover = handover
            self._publish()

    def begin(self, *, runs: bool, handover: str) -> None:
        """Take the state from the interface and the track file: nothing was heard yet."""
        self._handover = handover
        own, vip = self.own_priority(), self._settings.read().vip
        if not runs:
            state, own = State.STOP, None
        elif interfaces.holds(vip.address, vip.interface):
            state = State.MASTER
        else:
            state = State.FAULT if own is None else State.BACKUP
        self._know(Vrrp(state, time.time(), own))

    def notice(self, line: str) -> None:
        """A line of the fifo."""
        notice = notify.parse(line)
        if notice is not None:
            self._know(notify.follow(self._vrrp, notice, time.time()))

    def ended(self) -> None:
        """The process is gone, with or without having said so."""
        if self._vrrp.state is not State.STOP:
            self._know(Vrrp(State.STOP, time.time(), self._vrrp.priority), "the keepalived process ended")

    def _know(self, after: Vrrp, why: str = "") -> None:
        before, self._vrrp = self._vrrp, after
        if before.state not in (after.state, State.UNKNOWN):
            self._cause = why or cause(before.state, after.state, self._witness())
            events.record(
                self._paths.events,
                "vrrp",
                f"{before.state.value} -> {after.state.value}: {self._cause}",
                before=before.state.value,
                state=after.state.value,
                cause=self._cause,
                priority=after.priority,
            )
        if before != after:
            self._publish()

    def _publish(self) -> None:
        files.publish(
            self._paths.vrrp_report,
            {
                "since": self._started_at,
                "state": self._vrrp.state.value,
                "state_since": self._vrrp.since,
                "priority": self._vrrp.priority,
                "cause": self._cause,
                "handover": self._handover,
            },
        )

    def own_priority(self) -> int | None:
        """Base plus the track file, as keepalived adds it up; None in FAULT."""
        return priority.effective(self._settings.read().cluster.rank, reports.weight(self._paths) or 0)

    def _witness(self) -> Witness:
        heard_age_s = time.monotonic() - self._heard.at if self._heard else NEVER_S
        time.sleep(REPORT_LAG_S)
        report, wanted = self._health.read(), self._settings.read()
        reasons, since = report.get("reasons"), report.get("verdict_since")
        words = [named(str(report.get("verdict"))).words]
        words += map(str, reasons) if isinstance(reasons, list) else []
        silent = not reports.lives(self._paths)
        return Witness(
            own_verdict="the health program is silent" if silent else ", ".join(words),
            own_verdict_age_s=time.time() - since if isinstance(since, (int, float)) else NEVER_S,
            own_priority=self.own_priority(),
            heard=self._heard,
            heard_age_s=heard_age_s,
            advert_interval_s=wanted.vip.advert_interval_s,
            names={node.address: node.name for node in wanted.cluster.nodes},
        )
