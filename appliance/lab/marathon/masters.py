"""The masters as one cluster: what can happen to them, and what a new leader does first."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING

from appliance.lab.marathon import events
from appliance.lab.marathon.errors import RefusedError
from appliance.lab.marathon.flavours import flavour
from appliance.lab.marathon.overrides import Overrides

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.lab.marathon.faults.clusters import Undo
    from appliance.lab.marathon.flavours import Flavour
    from appliance.lab.marathon.master import Master
    from appliance.lab.marathon.scheduler import Scheduler
    from appliance.lab.marathon.shared import Shared
    from appliance.lab.marathon.state import State


class Masters:
    def __init__(self, shared: Shared, state: State, scheduler: Scheduler, recheck_s: float) -> None:
        self._shared = shared
        self._state = state
        self._scheduler = scheduler
        self._recheck_s = recheck_s
        self._flavours: Overrides[list[Flavour]] = Overrides([])
        self._lock = RLock()

    def join(self, masters: Sequence[Master]) -> None:
        self._shared.members = list(masters)
        self._flavours = Overrides([each.flavour for each in masters])
        self.speak_as(0)

    @property
    def netlocs(self) -> Sequence[str]:
        return self._shared.netlocs

    @property
    def leader(self) -> str | None:
        return self._shared.leader

    def abdicate(self) -> None:
        self._shared.election.abdicate()

    def exit(self, netloc: str) -> None:
        master = self._named(netloc)
        with self._lock:
            master.exit()
        self._shared.election.vanish(master.number)

    def hang(self, netloc: str, *, expires: bool) -> None:
        master = self._named(netloc)
        master.hang()
        if netloc == self.leader:
            self._shared.bus.abandon()
        if expires:
            self._shared.election.vanish(master.number)

    def restart(self, netloc: str) -> None:
        master = self._named(netloc)
        with self._lock:
            master.exit()
            master.start()
        self._shared.election.appear(master.number)

    def elections_take(self, seconds: float) -> Undo:
        return self._shared.election.election_s.add(seconds)

    def confuse(self) -> Undo:
        return self._shared.election.confused.add(True)

    def flavours(self, names: Sequence[str]) -> Undo:
        try:
            wanted = [flavour(name) for name in names]
            wanted = [wanted[number % len(wanted)] for number in range(len(self.netlocs))]
        except (ValueError, ZeroDivisionError) as error:
            raise RefusedError(400, {"message": f"flavours: {error}"}) from None
        let_go = self._flavours.add(wanted)
        self._speak()

        def undo() -> None:
            let_go()
            self._speak()

        return undo

    def _speak(self) -> None:
        for master, spoken in zip(self._shared.members, self._flavours.current):
            master.flavour = spoken
        if self._shared.election.leader is not None:
            self.speak_as(self._shared.election.leader)

    def led_by(self, leader: int | None) -> None:
        """The election has a result: a leader starts without health results and without streams."""
        with self._state.changed:
            self._state.led = leader is not None
            if leader is None:
                # Those of a hanging master are off the bus already: they stay open, and silent.
                self._shared.bus.close()
            else:
                self.speak_as(leader)
                self._scheduler.checking.forget(self._recheck_s)
                self._shared.bus.publish(events.scheduler_reregistered(self._shared.netlocs[leader]))
            self._state.changed.notify_all()

    def speak_as(self, leader: int) -> None:
        spoken = self._shared.members[leader].flavour
        self._shared.bus.flavour = spoken
        self._shared.api.flavour = spoken
        with self._state.changed:
            self._state.dialect, self._state.short_ids = spoken.dialect, spoken.short_ids
            for app_id in self._state.apps:
                self._state.touch(app_id)

    def _named(self, netloc: str) -> Master:
        return self._shared.members[list(self.netlocs).index(netloc)]
