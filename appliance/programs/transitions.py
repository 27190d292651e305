"""The recorder of VRRP transitions: what keepalived says, and why it came to that."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

from appliance import files, interfaces
from appliance.health import reports
from appliance.health.verdict import named
from appliance.keepalived import advert, notify, priority
from appliance.keepalived.cause import STOP, Cause, Witness, cause
from appliance.keepalived.hooks import Call, Hooks
from appliance.keepalived.model import instance_name
from appliance.keepalived.notify import State, Vrrp
from appliance.status import events

if TYPE_CHECKING:
    import socket
    from collections.abc import Collection
    from pathlib import Path

    from appliance.keepalived.advert import Advert
    from appliance.keepalived.notify import Notice
    from appliance.paths import Paths
    from appliance.settings import Current, Vip

NEVER_S = 1e9
REPORT_LAG_S = 0.02
"""keepalived acts on the track file's number before health has published the reasons for it."""


class Report:
    """vrrp.json: the first VIP's state, and that of each VIP by its address."""

    def __init__(self, path: Path) -> None:
        self._report = files.Report(path)
        self._since = time.time()
        self._vips: dict[str, dict[str, object]] = {}

    def put(self, address: str, facts: dict[str, object]) -> None:
        self._vips[address] = facts
        self._publish()

    def only(self, addresses: Collection[str]) -> None:
        """Forget the VIPs that are no more; the first of `addresses` is the first VIP."""
        self._vips = {address: self._vips[address] for address in addresses if address in self._vips}
        self._publish()

    def again(self) -> None:
        """Call now and then: what could not be written then is written now."""
        if self._report.trouble:
            self._publish()

    def _publish(self) -> None:
        first: dict[str, object] = next(iter(self._vips.values()), {})
        alarms = [alarm for vip in self._vips.values() for alarm in cast("list[object]", vip["alarms"])]
        # A copy: what is put later is compared with it.
        facts = {"since": self._since, **first, "alarms": alarms, "vips": dict(self._vips)}
        self._report.put(facts)


class Transitions:
    """Follows one VIP's instance on this node, publishes its state, records each change with its cause."""

    def __init__(
        self,
        paths: Paths,
        settings: Current,
        vip: Vip,
        interface: str,
        *,
        report: Report,
        hooks: Hooks,
    ) -> None:
        self._paths = paths
        self._settings = settings
        self._vip = vip
        self._interface = interface
        self._report = report
        self._hooks = hooks
        self._health = reports.Report(paths.health_report)
        self._vrrp = Vrrp()
        self._cause = self._cause_of_priority = ""
        self._name = instance_name(settings.read(), vip)
        self._counts: dict[str, dict[str, int]] = {}
        """Transitions by the state they led to and the kind of their cause, since this program started."""
        self._takeover_s: float | None = None
        """From the last advert of the owner before to this node's ownership, at its last takeover."""
        self._handover = ""
        self._alarms: list[dict[str, Any]] = []
        self._heard: Advert | None = None
        self._heard_on = 0
        self.adverts: socket.socket | None = None

    def listen(self) -> bool:
        """Hear the other nodes as soon as the interface is there, and again when it came back as another.

        True when it just began: there is a new socket, and the old one is closed.
        """
        try:
            number = advert.number(self._interface)
            if self.adverts is not None and number == self._heard_on:
                return False
            fresh = advert.listen(self._interface, self._vip.family)
        except OSError:
            return False
        self.deafen()
        self.adverts, self._heard_on = fresh, number
        return True

    def deafen(self) -> None:
        if self.adverts is not None:
            self.adverts.close()
            self.adverts = None

    @property
    def state(self) -> State:
        return self._vrrp.state

    def hear(self) -> tuple[Advert, ...]:
        """Take in the adverts of other nodes that arrived, oldest first."""
        if self.adverts is None:
            return ()
        own = self._settings.read().cluster.address
        arrived = advert.receive(self.adverts, self._vip.virtual_router_id, time.monotonic())
        heard = tuple(it for it in arrived if it.source != own)
        if heard:
            self._heard = heard[-1]
        return heard

    def tell(self, handover: str, alarms: list[dict[str, Any]]) -> None:
        """Publish whether open connections survive a planned move, and what is wrong."""
        if (handover, alarms) != (self._handover, self._alarms):
            self._handover, self._alarms = handover, alarms
            self._publish()

    def begin(self, *, runs: bool, handover: str) -> None:
        """Take the state from the interface and the track file: nothing was heard yet."""
        self._handover = handover
        own = self.own_priority()
        if not runs:
            state, own = State.STOP, None
        elif interfaces.holds(self._vip.address, self._interface):
            state = State.MASTER
        else:
            state = State.FAULT if own is None else State.BACKUP
        self._know(Vrrp(state, time.time(), own))

    def notice(self, notice: Notice) -> None:
        """What keepalived said of this instance."""
        self._know(notify.follow(self._vrrp, notice, time.time()))

    def ended(self) -> None:
        """The process is gone, with or without having said so."""
        if self._vrrp.state is not State.STOP:
            self._know(Vrrp(State.STOP, time.time(), self._vrrp.priority), "the keepalived process ended")

    def _know(self, after: Vrrp, why: str = "") -> None:
        before, self._vrrp = self._vrrp, after
        if before.state not in (after.state, State.UNKNOWN):
            found = Cause(STOP, why) if why else self._found(before.state, after.state)
            self._cause = found.words
            counts = self._counts.setdefault(after.state.value, {})
            counts[found.kind] = counts.get(found.kind, 0) + 1
            self._tell("state", f"{before.state.value} -> {after.state.value}: {self._cause}", before)
        elif before.state is after.state and before.priority is not None and after.priority is not None:
            self._know_priority(before, before.priority, after.priority)
        if before != after:
            self._publish()

    def _found(self, before: State, after: State) -> Cause:
        seen = self._witness()
        if after is State.MASTER and seen.heard is not None:
            self._takeover_s = round(seen.heard_age_s, 4)
        return cause(before, after, seen)

    def _know_priority(self, before: Vrrp, was: int, now: int) -> None:
        if was != now:
            self._cause_of_priority = self._witness().own_verdict
            self._tell("priority", f"priority {was} -> {now}: {self._cause_of_priority}", before)

    def _tell(self, what: str, message: str, before: Vrrp) -> None:
        """Record it, and run the operator's hooks."""
        after, node = self._vrrp, self._settings.read().cluster.node
        why = self._cause if what == "state" else self._cause_of_priority
        events.record(
            self._paths.events,
            "vrrp" if what == "state" else "priority",
            f"{self._prefix}{message}",
            vip=self._vip.address,
            before=before.state.value,
            state=after.state.value,
            cause=why,
            priority=after.priority,
        )
        word = after.state.value if what == "state" else f"{after.state.value}_PRIORITY"
        self._hooks.call(
            Call(
                about=(self._vip.address, what),
                arguments=("INSTANCE", self._name, word, str(after.priority or 0)),
                environment={
                    "APPLIANCE_EVENT": what,
                    "APPLIANCE_STATE": after.state.value,
                    "APPLIANCE_BEFORE": before.state.value,
                    "APPLIANCE_PRIORITY": str(after.priority or 0),
                    "APPLIANCE_CAUSE": why,
                    "APPLIANCE_VIP": self._vip.address,
                    "APPLIANCE_INTERFACE": self._interface,
                    "APPLIANCE_NODE": node.name,
                    "APPLIANCE_ADDRESS": node.address,
                },
            )
        )

    def _publish(self) -> None:
        self._report.put(
            self._vip.address,
            {
                "state": self._vrrp.state.value,
                "state_since": self._vrrp.since,
                "priority": self._vrrp.priority,
                "cause": self._cause,
                "transitions": {state: dict(kinds) for state, kinds in self._counts.items()},
                "takeover_s": self._takeover_s,
                "handover": self._handover,
                "alarms": self._alarms,
            },
        )

    def own_priority(self) -> int | None:
        """Base plus the track file, as keepalived adds it up; None in FAULT."""
        rank = self._settings.read().cluster.rank_for(self._vip)
        return priority.effective(rank, reports.weight(self._paths) or 0)

    @property
    def _prefix(self) -> str:
        """Of events: the VIP, where there are several."""
        return f"{self._vip.address}: " if self._settings.read().more_vips else ""

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
            advert_interval_s=self._vip.advert_interval_s,
            names={node.address: node.name for node in wanted.cluster.nodes},
        )
