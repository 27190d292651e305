"""A VIP that a killed keepalived left on the interface: taken off unless keepalived will be back at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance import commands, interfaces
from appliance.keepalived import service
from appliance.keepalived.priority import LEAST_SERVING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.paths import Paths
    from appliance.settings import Vip

GIVEN_UP_S = 4.0
"""A restart takes one second. Until then a left-over VIP serves on; taking it off costs clients 200 ms."""


def is_left(gone_s: float, own_priority: int | None) -> bool:
    """Whether a VIP should go, `gone_s` after its keepalived; at once where no load balancer works."""
    return gone_s >= GIVEN_UP_S or own_priority is None or own_priority < LEAST_SERVING


def take_off(paths: Paths, places: Iterable[tuple[Vip, str]]) -> list[str]:
    """Remove the VIPs at `places` (with their interfaces) unless keepalived lives. Returns the removed."""
    removed = []
    for vip, interface in places:
        if service.runs(paths) or not interfaces.holds(vip.address, interface):
            continue
        length = 32 if vip.family == 4 else 128
        done = commands.run(["ip", "addr", "del", f"{vip.address}/{length}", "dev", interface])
        if done.code == 0:
            removed.append(vip.address)
    return removed
