"""What translation works with: which apps are meant, one service of an app, and the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.haproxy.model import Check, LoadBalancer, Mode, Server
    from appliance.services.labels import ServiceLabels

RESERVED_PORTS = (9090, 9091, 9099)
"""Statistics, app ids, agent: listened on by the appliance itself."""


@dataclass(frozen=True)
class Selection:
    """Which services are meant, and which tasks join their pools."""

    groups: tuple[str, ...]
    """'*' takes every service, even one without a group."""
    strict_mode: bool = False
    """A service is served only if HAPROXY_{n}_ENABLED says so."""
    health_check: bool = False
    """Only tasks that Marathon found alive, of apps that have health checks."""
    reserved_ports: tuple[int, ...] = RESERVED_PORTS


@dataclass(frozen=True)
class Service:
    """One port of one app that is to be served. All values are valid."""

    app_id: str
    index: int
    port: int
    """On the load balancer; 0: none of its own."""
    mode: Mode
    labels: ServiceLabels
    check: Check | None
    servers: tuple[Server, ...]


@dataclass(frozen=True)
class Quarantined:
    """An app, or a service of it, that is not served."""

    app_id: str
    reason: str


@dataclass(frozen=True)
class Translation:
    """What to serve, what was left out, and what its owners should know. Sorted, without duplicates."""

    load_balancer: LoadBalancer
    quarantined: tuple[Quarantined, ...] = ()
    notices: tuple[str, ...] = ()
