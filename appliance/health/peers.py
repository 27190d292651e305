"""What the other nodes say of themselves, asked in the background. Silence degrades nobody."""

from __future__ import annotations

import http.client
import json
import threading
import time
from typing import TYPE_CHECKING, Any

from appliance.health.compare import Sight
from appliance.health.state import Peer
from appliance.health.verdict import named

if TYPE_CHECKING:
    from collections.abc import Iterable

INTERVAL_S = 0.25
DEADLINE_S = 1.0
LARGEST_ANSWER = 1_000_000


def parse(facts: dict[str, Any], address: str, own: str, at: float) -> Peer:
    """What a peer's /status.json says; `own` is this node's address. Raises KeyError, TypeError."""
    nodes = facts.get("nodes")
    sight = facts.get("sight") or {}
    age_s, up = sight.get("picture_age_s"), sight.get("servers_up")
    return Peer(
        named(str(facts["health"]["verdict"])),
        at,
        address=address,
        holds=facts.get("holds_vip") is True,
        knows_us=own in nodes if isinstance(nodes, list) and len(nodes) > 1 else True,
        sight=Sight(
            picture_age_s=float(age_s) if isinstance(age_s, (int, float)) else None,
            servers_up=up if isinstance(up, int) else None,
        ),
    )


class Peers:
    """One thread per peer asks its agent every 250 ms. Use `known` from any thread."""

    def __init__(self, addresses: Iterable[str], own: str, port: int) -> None:
        self._own = own
        self._port = port
        self._known: dict[str, Peer] = {}
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask_forever, args=(address,), name=f"peer-{address}", daemon=True)
            for address in addresses
        ]
        for thread in self._threads:
            thread.start()

    def known(self) -> dict[str, Peer]:
        """The last answer of each peer that ever answered, by address."""
        return dict(self._known)

    def stop(self) -> None:
        self._stop.set()

    def _ask_forever(self, address: str) -> None:
        while not self._stop.is_set():
            peer = self._ask(address)
            if peer is not None:
                self._known[address] = peer
            self._stop.wait(INTERVAL_S)

    def _ask(self, address: str) -> Peer | None:
        connection = http.client.HTTPConnection(address, self._port, timeout=DEADLINE_S)
        try:
            connection.request("GET", "/status.json")
            facts = json.loads(connection.getresponse().read(LARGEST_ANSWER))
            return parse(facts, address, self._own, time.monotonic())
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError):
            return None
        finally:
            connection.close()
