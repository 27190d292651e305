"""How many servers HAProxy finds up and down, asked in the background: its answer may take its time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from appliance.errors import EngineError
from appliance.haproxy import states

if TYPE_CHECKING:
    from pathlib import Path

INTERVAL_S = 1.0


class Servers:
    """Asks once a second from `start` to `stop`."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._stop = threading.Event()
        self.counts: states.Counts | None = None
        """None: not known."""

    @property
    def up(self) -> int | None:
        """Of those that are checked; None: not known."""
        return self.counts.up if self.counts else None

    def start(self) -> None:
        threading.Thread(target=self._ask_forever, name="servers", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def _ask_forever(self) -> None:
        while not self._stop.is_set():
            try:
                self.counts = states.count(self._socket)
            except EngineError:
                self.counts = None
            self._stop.wait(INTERVAL_S)
