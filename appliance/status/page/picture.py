"""All that the page shows, at one moment. Frozen; the next moment is another one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.status.cluster import Alarm
    from appliance.status.page.cards import Card
    from appliance.status.page.traffic import Rates


@dataclass(frozen=True)
class Served:
    """What this node's HAProxy serves. `problem` says why the apps are not known, '' if they are."""

    apps: tuple[Mapping[str, Any], ...] = ()
    """As the generator lists them (id, services with servers, quarantined, notices), troubled ones first."""
    quarantined: int = 0
    short: int = 0
    """How many others have a server that does not work."""
    notices: tuple[str, ...] = ()
    states: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """HAProxy's word by backend and server, as of now."""
    rates: Rates | None = None
    """None: HAProxy does not answer."""
    problem: str = "not asked yet"


@dataclass(frozen=True)
class Picture:
    vip: str = ""
    why: tuple[str, ...] = ()
    """A line for each VIP."""
    owners: tuple[str, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    cards: tuple[Card, ...] = ()
    happened: tuple[Mapping[str, Any], ...] = ()
    """Events of all nodes, the newest first, each with the `node` that tells it."""
    served: Served = field(default_factory=Served)
    version: int = field(default=0, compare=False)
    """Another one whenever something that is shown changed."""
    at: float = field(default=0.0, compare=False)
