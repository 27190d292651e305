"""Watches for a second owner of one VIP: seen, decided in `keepalived.rivals`, recorded and published."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from appliance.health.reports import Report, lives
from appliance.keepalived import rivals
from appliance.keepalived.claims import Claims
from appliance.status import events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.keepalived.advert import Advert
    from appliance.keepalived.notify import State
    from appliance.paths import Paths
    from appliance.settings import Current, Vip


class SplitWatch:
    """`turn` at every turn of the loop; it never waits."""

    def __init__(self, paths: Paths, settings: Current, vip: Vip, interface: str) -> None:
        self._paths = paths
        self._settings = settings
        self._vip = vip
        self._interface = interface
        self._health = Report(paths.health_report)
        self._rivals = rivals.NOBODY
        self._claims: Claims | None = None
        self.alarms: list[dict[str, Any]] = []
        """For the report: id, text and since."""

    def listen(self) -> None:
        """Begin, or begin again on an interface that came back. IPv6 claims are not heard."""
        self.end()
        if self._vip.family == 4:
            with contextlib.suppress(OSError):
                self._claims = Claims(self._interface, self._vip.address)

    def end(self) -> None:
        if self._claims is not None:
            self._claims.close()
            self._claims = None

    def turn(self, state: State, adverts: Sequence[Advert]) -> None:
        holders, silent = self._peers()
        look = rivals.Look(
            state,
            announced_by=[it.source for it in adverts if it.priority],
            claimed_by=self._claims.heard() if self._claims else (),
            holders=holders,
            silent=silent,
        )
        self._rivals = rivals.step(self._rivals, look, time.monotonic())
        names = {node.address: node.name for node in self._settings.read().cluster.nodes}
        self._tell(*rivals.alarm(self._rivals, self._vip.address, names))

    def _peers(self) -> tuple[list[str], bool]:
        """Who says it has the VIP (peers say it of the first one), and whether no peer says anything."""
        peers = self._health.read().get("peers")
        known = bool(self._settings.read().cluster.peers)
        if not lives(self._paths) or not isinstance(peers, dict) or not known:
            return [], False
        answering = {address: it for address, it in peers.items() if it.get("answers")}
        first = self._settings.read().vip.address == self._vip.address
        holders = [address for address, it in answering.items() if first and it.get("holds_vip")]
        return holders, not answering

    def _tell(self, identity: str, text: str) -> None:
        before = self.alarms[0]["id"] if self.alarms else ""
        if identity != before:
            said = f"{identity}: {text}" if identity else f"{before} is over for {self._vip.address}"
            events.record(self._paths.events, "vrrp", said, vip=self._vip.address, alarm=identity)
        if not identity:
            self.alarms = []
        elif not self.alarms or (before, self.alarms[0]["text"]) != (identity, text):
            since = self.alarms[0]["since"] if identity == before else time.time()
            self.alarms = [{"id": identity, "text": text, "since": since}]
