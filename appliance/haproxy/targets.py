"""What a shared frontend chooses from. A target is a backend's name, or several joined by '+'."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from appliance.haproxy import texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.haproxy.model import LoadBalancer, OwnRules, Route


@dataclass(frozen=True)
class Targets:
    shares: tuple[tuple[str, tuple[str, ...]], ...]
    default: str
    redirect: bool = False
    ignore_redirect: bool = False
    own_rules: Sequence[str] = ()
    """Lines of services that do not stand in the maps; these come before a backend is chosen."""
    own_uses: Sequence[str] = ()


def targets(load_balancer: LoadBalancer, *, https: bool) -> Targets:
    """Of :80, or of :443."""
    default = load_balancer.default_https_backends if https else load_balancer.default_http_backends
    return some_targets(load_balancer.routes, load_balancer.own_rules, default, https=https)


def some_targets(
    routes: Sequence[Route], own: Sequence[OwnRules], default: tuple[str, ...], *, https: bool
) -> Targets:
    groups = {route.backends for route in routes} | {default}
    redirects = any(route.redirect_to_https for route in routes)
    rules, uses = texts.in_order("".join(one.https if https else one.http for one in own))
    return Targets(
        shares=tuple(sorted(("+".join(group), group) for group in groups if len(group) > 1)),
        default="+".join(default),
        redirect=redirects and not https,
        ignore_redirect=redirects and https,
        own_rules=rules,
        own_uses=uses,
    )


def target(route: Route) -> str:
    return ("https:" if route.redirect_to_https else "") + "+".join(route.backends)


def ordered(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    """The routes that maps cannot express, in order: of hosts where a weight outdoes a longer path."""
    if not any(route.weight for route in routes):
        return ()
    found: list[Route] = []
    for _, group in groupby(sorted(routes, key=lambda route: route.host), key=lambda route: route.host):
        of_host = sorted(group, key=_as_maps)
        by_weight = sorted(of_host, key=lambda route: -route.weight)
        if by_weight != of_host:
            found += by_weight
    return tuple(found)


def _as_maps(route: Route) -> tuple[bool, bool, int, str]:
    """Paths that heed case, then those that do not, then none; the longest first."""
    return not route.path, route.ignore_case, -len(route.path), route.path
