"""Who makes HAProxy refuse the whole file: found by halving, in O(k log n) checks for k of n backends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Callable, Optional

if TYPE_CHECKING:
    from collections.abc import Collection

    from appliance.haproxy.model import LoadBalancer, Route

Check = Callable[["LoadBalancer"], Optional[str]]
"""None if HAProxy accepts, else its words."""


def culprits(load_balancer: LoadBalancer, check: Check) -> dict[str, str]:
    """Backends that have to go, each with HAProxy's words, so that the rest is accepted.

    Two backends that only fail together cost the later one. Empty if the file is refused even without any
    backend: then the fault is not theirs.
    """
    names = [backend.name for backend in load_balancer.backends]
    if check(without(load_balancer, names)) is not None:
        return {}
    found: dict[str, str] = {}

    def search(suspects: list[str], unseen: list[str]) -> None:
        """Judge `suspects` together with all that were accepted before; `unseen` come later."""
        words = check(without(load_balancer, [*found, *unseen]))
        if words is None:
            return
        if len(suspects) == 1:
            found[suspects[0]] = words
            return
        middle = len(suspects) // 2
        search(suspects[:middle], suspects[middle:] + unseen)
        search(suspects[middle:], unseen)

    search(names, [])
    return found


def without(load_balancer: LoadBalancer, names: Collection[str]) -> LoadBalancer:
    """The same without these backends. What others share with them stays with the others."""
    gone = frozenset(names)

    def rest(backends: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in backends if name not in gone)

    def kept(route: Route) -> Route:
        return replace(route, backends=rest(route.backends))

    frontends = (
        replace(
            frontend,
            backends=rest(frontend.backends),
            glue=tuple((name, text) for name, text in frontend.glue if name not in gone),
        )
        for frontend in load_balancer.frontends
    )
    doors = (
        replace(
            door,
            routes=tuple(route for route in map(kept, door.routes) if route.backends),
            app_routes=tuple(route for route in door.app_routes if route.backend not in gone),
            default_http_backends=rest(door.default_http_backends),
            default_https_backends=rest(door.default_https_backends),
            own_rules=tuple(rules for rules in door.own_rules if rules.backend not in gone),
        )
        for door in load_balancer.doors
    )
    return replace(
        load_balancer,
        doors=tuple(doors),
        routes=tuple(route for route in map(kept, load_balancer.routes) if route.backends),
        frontends=tuple(frontend for frontend in frontends if frontend.backends),
        app_routes=tuple(route for route in load_balancer.app_routes if route.backend not in gone),
        backends=tuple(backend for backend in load_balancer.backends if backend.name not in gone),
        default_http_backends=rest(load_balancer.default_http_backends),
        default_https_backends=rest(load_balancer.default_https_backends),
        own_rules=tuple(rules for rules in load_balancer.own_rules if rules.backend not in gone),
    )
