"""What translation works with: which apps are meant, one service of an app, and the outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.haproxy.model import Check, LoadBalancer, Mode, Server
    from appliance.marathon.model import HealthCheck, Port
    from appliance.services.labels import ServiceLabels
    from appliance.services.policy import Policy

Key = tuple[str, int]
"""App id and index of a service."""
RESERVED_PORTS = (9090, 9091, 9099)
"""Statistics, app ids, agent: listened on by the appliance itself."""


class Conflict(Enum):
    """What happens to services that claim the same route."""

    SHARE = "share"
    """Each gets traffic in proportion to its ready servers."""
    FIRST = "first"
    """The first by weight, app id and port has the route."""
    REJECT = "reject"
    """All but the first are quarantined."""


@dataclass(frozen=True)
class Texts:
    """marathon-lb's parts: what stands where nobody overrides it, and what the operator overrides."""

    built_in: Mapping[str, str] = field(default_factory=dict)
    overridden: Mapping[str, str] = field(default_factory=dict)
    """For every service, by file or environment."""


@dataclass(frozen=True)
class Ask:
    """What only this machine can tell about a label. Each answers '' or what is wrong."""

    certificate_fault: Callable[[str], str] = lambda _path: ""
    text_fault: Callable[[LoadBalancer], str] = lambda _alone: ""
    """HAProxy's words about a service that stands alone with texts of its owner."""
    port_fault: Callable[[str, int], str] = lambda _address, _port: ""
    """Who but HAProxy listens there."""


@dataclass(frozen=True)
class Vip:
    """An address that serves the apps of its groups only, and which no other app answers on."""

    address: str
    groups: tuple[str, ...]

    def serves(self, service: Service) -> bool:
        return "*" in self.groups or not service.groups.isdisjoint(self.groups)


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
    conflict: Conflict = Conflict.SHARE
    assigned_ports: tuple[int, int] | None = (10050, 10100)
    """First and last of the service ports that tasks with own addresses are given; None: none is."""
    texts: Texts = field(default_factory=Texts)
    compression: bool = False
    """For services whose labels do not say."""
    default_app: tuple[str, int | None] | None = None
    """Id of the app that takes what no vhost matches, and the index of its port; None: its first for http."""
    policy: Policy | None = None
    """None: apps may ask for everything."""
    vips: tuple[Vip, ...] = ()
    """None: everything is served on all addresses."""


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
    own_port: bool = True
    """False: its service port stays closed, since the TLS that it asks for there cannot be had."""
    health_check: HealthCheck | None = None
    """What `check` comes from."""
    app_port: Port | None = None
    """What the app says about this port."""
    groups: frozenset[str] = frozenset()
    """HAPROXY_GROUP's, or HAPROXY_{n}_GROUP's."""

    @property
    def key(self) -> Key:
        return self.app_id, self.index


@dataclass(frozen=True)
class Quarantined:
    """An app, or a service of it, that is not served as it asks for."""

    app_id: str
    reason: str
    index: int | None = field(default=None, compare=False)
    """Of the service; None: of no single one."""


@dataclass(frozen=True)
class Translation:
    """What to serve, what was left out, and what its owners should know. Sorted, without duplicates."""

    load_balancer: LoadBalancer
    quarantined: tuple[Quarantined, ...] = ()
    notices: tuple[str, ...] = ()
    services: tuple[tuple[str, Service], ...] = ()
    """Who is served, with the name of the backend."""
    kept: frozenset[Key] = frozenset()
    """Those of them that are served as they were before, since what they ask for now cannot be had."""
