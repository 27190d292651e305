"""The frontends of :80 and :443 that services share: one pair for all, or one for each VIP with groups."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from appliance.haproxy.model import listening
from appliance.haproxy.targets import ordered, target, targets
from appliance.haproxy.texts import rebound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.haproxy.model import AppRoute, Door, LoadBalancer, Process, Route
    from appliance.haproxy.targets import Targets

DOMAIN_MAP, PATH_MAP, ANY_CASE_PATH_MAP, WILDCARD_MAP, APP_MAP = (
    "domain2backend.map",
    "path2backend.map",
    "anycase2backend.map",
    "wildcard2host.map",
    "app2backend.map",
)
HOST_MAPS = (DOMAIN_MAP, PATH_MAP, ANY_CASE_PATH_MAP)
EVERYWHERE = "*"


@dataclass(frozen=True)
class Shared:
    """One pair. `maps`: texts by the plain names above."""

    address: str
    """A VIP, or EVERYWHERE."""
    more_addresses: tuple[str, ...]
    http: Targets
    https: Targets
    ordered: tuple[Route, ...]
    maps: dict[str, str]

    @property
    def suffix(self) -> str:
        """Of the frontends' names."""
        return "" if self.address == EVERYWHERE else f":{self.address}"

    def map(self, name: str) -> str:
        """The name of the file."""
        return file_name(name, self.address)

    def binds(self, port: int, options: str = "") -> tuple[str, ...]:
        """What stands behind `bind`, a line each."""
        addresses = (self.address, *self.more_addresses)
        return tuple(f"{listening(address, port)} {options}".rstrip() for address in addresses)

    def rebound(self, head: str) -> str:
        """The operator's `head`, bound to this VIP alone."""
        return head if self.address == EVERYWHERE else rebound(head, self.address)

    @property
    def wildcards(self) -> bool:
        return WILDCARD_MAP in self.maps

    @property
    def path_routes(self) -> bool:
        return bool(self.maps[PATH_MAP])

    @property
    def any_case_path_routes(self) -> bool:
        return bool(self.maps[ANY_CASE_PATH_MAP])


def shared(load_balancer: LoadBalancer, process: Process) -> tuple[Shared, ...]:
    """One for all addresses, or one for each VIP."""
    if not load_balancer.doors:
        return (_shared(load_balancer, EVERYWHERE, process.more_addresses),)
    return tuple(
        _shared(_seen_through(load_balancer, door), door.address, ()) for door in load_balancer.doors
    )


def _seen_through(load_balancer: LoadBalancer, door: Door) -> LoadBalancer:
    return replace(
        load_balancer,
        routes=door.routes,
        default_http_backends=door.default_http_backends,
        default_https_backends=door.default_https_backends,
        own_rules=door.own_rules,
        app_routes=door.app_routes,
    )


def _shared(load_balancer: LoadBalancer, address: str, more: tuple[str, ...]) -> Shared:
    special = ordered(load_balancer.routes)
    return Shared(
        address=address,
        more_addresses=more,
        http=targets(load_balancer, https=False),
        https=targets(load_balancer, https=True),
        ordered=special,
        maps=_maps(load_balancer, special),
    )


def file_name(name: str, address: str) -> str:
    """Of the map `name` of one VIP."""
    if address == EVERYWHERE:
        return name
    stem, _, ending = name.partition(".")
    return f"{stem}-{address.replace(':', '_')}.{ending}"


def app_map(app_routes: Iterable[AppRoute]) -> str:
    return _map((route.app_id.lower(), route.backend) for route in app_routes)


def _maps(load_balancer: LoadBalancer, special: tuple[Route, ...]) -> dict[str, str]:
    hosts = {route.host for route in special}
    routes = (
        [route for route in load_balancer.routes if route.host not in hosts]
        if special
        else load_balancer.routes
    )
    wildcards = {route.host for route in load_balancer.routes if route.host.startswith("*")}
    found = {
        DOMAIN_MAP: _map((route.host, target(route)) for route in routes if not route.path),
        PATH_MAP: _map(
            (route.host + route.path, target(route))
            for route in sorted(routes, key=_longest_path_first)
            if route.path and not route.ignore_case
        ),
        ANY_CASE_PATH_MAP: _map(
            (route.host + route.path.lower(), target(route))
            for route in sorted(routes, key=_longest_path_first)
            if route.path and route.ignore_case
        ),
        APP_MAP: app_map(load_balancer.app_routes),
    }
    if wildcards:  # looked up by their ends, in the order of the file: the longest first
        longest_first = sorted(wildcards, key=lambda host: (-len(host), host))
        found[WILDCARD_MAP] = _map((host[1:], host) for host in longest_first)
    return found


def _map(entries: Iterable[tuple[str, str]]) -> str:
    return "".join(f"{key} {value}\n" for key, value in entries)


def _longest_path_first(route: Route) -> tuple[str, int, str]:
    return route.host, -len(route.path), route.path
