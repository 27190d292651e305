"""What differs between the versions of Marathon on the wire, beside the JSON of apps. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.lab.marathon.dialects import NEW, OLD
from appliance.lab.marathon.plans import Plans


@dataclass(frozen=True)
class Flavour:
    version: str
    dialect: str
    short_ids: bool = False
    """Ids of tasks and instances as up to 1.6."""
    no_leader: int = 502
    refused: int = 502
    """Status of a standby whose leader refuses the connection …"""
    timed_out: int = 500
    """… or does not answer in time."""
    redirects_events: bool = True
    """A standby answers /v2/events by 302; otherwise it proxies the stream."""
    outstanding: int = 1024
    """Frames that one stream may have waiting …"""
    closes_slow_readers: bool = True
    """… and whether one more ends the stream; otherwise it is lost without a word."""
    security_headers: bool = True
    unknown_url: int = 404
    failed_check_key: str = "taskId"
    """Key of the instance's id in failed_health_check_event."""
    plans: Plans = Plans.LIGHT
    """Of deployments, in their events."""


FLAVOURS = {
    "1.4": Flavour(
        version="1.4.14",
        dialect=OLD,
        short_ids=True,
        no_leader=503,
        refused=503,
        timed_out=504,
        redirects_events=False,
        outstanding=50,
        closes_slow_readers=False,
        security_headers=False,
        failed_check_key="instanceId",
        plans=Plans.HEAVY,
    ),
    "1.6": Flavour(
        version="1.6.549",
        dialect=NEW,
        short_ids=True,
        no_leader=503,
        timed_out=504,
        redirects_events=False,
        closes_slow_readers=False,
        security_headers=False,
        plans=Plans.HEAVY_UNLESS_ASKED,
    ),
    "1.8": Flavour(version="1.8.222", dialect=NEW),
    "1.11": Flavour(version="1.11.24", dialect=NEW, unknown_url=500),
}
OF_DIALECT = {OLD: "1.4", NEW: "1.8"}


def flavour(name: str) -> Flavour:
    """Raises ValueError for a version that is not simulated."""
    if name not in FLAVOURS:
        raise ValueError(f"flavour is '{name}': use one of {', '.join(FLAVOURS)}")
    return FLAVOURS[name]
