"""Meets the peers: notes at the first contact what each shows, and says when one shows something else."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Callable

from appliance.setup.node import ask
from appliance.status import events
from appliance.trust import Trust

if TYPE_CHECKING:
    from appliance.paths import Paths
    from appliance.settings import Settings

INTERVAL_S = 2.0


class Acquaintance:
    """A thread from `start` to the end of the program."""

    def __init__(self, paths: Paths, settings: Callable[[], Settings]) -> None:
        self._paths = paths
        self._settings = settings
        self._trust = Trust(paths)
        self._said: set[tuple[str, str]] = set()

    def start(self) -> None:
        threading.Thread(target=self._meet_forever, name="acquaintance", daemon=True).start()

    def _meet_forever(self) -> None:
        pause = threading.Event()
        while True:
            for peer in self._settings().cluster.peers:
                self.meet(peer.address, peer.name, str(ask(peer.address).get("shows") or ""))
            pause.wait(INTERVAL_S)

    def meet(self, address: str, name: str, shows: str) -> None:
        """What happened is recorded once."""
        try:
            if self._trust.differs(address, shows):
                words = (
                    f"is not the one that was met first: 'appliance trust {name}' here if it was set up anew"
                )
            elif self._trust.note(address, shows):
                words = "is met for the first time"
            else:
                return
        except OSError as error:
            words = f"cannot be noted: {error.strerror}"
        if (address, words + shows) not in self._said:
            self._said.add((address, words + shows))
            events.record(self._paths.events, "trust", f"{name} ({address}) {words}")
