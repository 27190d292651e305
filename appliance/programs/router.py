"""One VIP on this node: its VRRP instance is followed, open connections survive its planned moves."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

from appliance.keepalived.model import instance_name
from appliance.programs.handover import OpenConnections
from appliance.programs.split import SplitWatch
from appliance.programs.transitions import Transitions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.keepalived.advert import Advert
    from appliance.keepalived.hooks import Hooks
    from appliance.keepalived.notify import Notice
    from appliance.paths import Paths
    from appliance.programs.transitions import Report
    from appliance.settings import Current, Vip


class Router:
    """From `begin` to `end`; `interface` is the one that the VIP belongs to."""

    def __init__(
        self,
        paths: Paths,
        settings: Current,
        vip: Vip,
        interface: str,
        *,
        report: Report,
        hooks: Hooks,
        poll: select.poll,
        obstacle: str,
    ) -> None:
        self.place = (vip, interface)
        self.name = instance_name(settings.read(), vip)
        self.transitions = Transitions(paths, settings, vip, interface, report=report, hooks=hooks)
        self.handover = OpenConnections(paths, vip, interface, obstacle)
        self.split = SplitWatch(paths, settings, vip, interface)
        self._poll = poll
        self._descriptor: int | None = None

    def begin(self, *, runs: bool) -> None:
        self.transitions.begin(runs=runs, handover=self.handover.words)
        self.listen()

    def listen(self) -> None:
        """Call now and then: the interface may be late, or come back as another."""
        if self.transitions.listen() and self.transitions.adverts is not None:
            self._forget()
            self.split.listen()
            self._descriptor = self.transitions.adverts.fileno()
            self._poll.register(self._descriptor, select.POLLIN)

    def hear(self) -> None:
        adverts = self.transitions.hear()
        self.split.turn(self.transitions.state, adverts)
        self._follow(adverts)

    def notice(self, notice: Notice) -> None:
        """A line of keepalived's; those of other instances are not for us."""
        if notice.instance == self.name:
            self.transitions.notice(notice)
            self._follow()

    def end(self) -> None:
        self.handover.end()
        self.split.end()
        self._forget()
        self.transitions.deafen()

    def _follow(self, adverts: Sequence[Advert] = ()) -> None:
        self.handover.turn(self.transitions.state, self.transitions.own_priority(), adverts)
        self.transitions.tell(self.handover.words, self.split.alarms)

    def _forget(self) -> None:
        if self._descriptor is not None:
            self._poll.unregister(self._descriptor)
            self._descriptor = None
