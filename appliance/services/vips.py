"""Several VIPs with groups of their own: who is seen on which address, and on no other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Callable

from appliance.haproxy.model import Door
from appliance.haproxy.texts import rebound
from appliance.services.routes import app_routes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.haproxy.model import Frontend, LoadBalancer
    from appliance.services.model import Quarantined, Service, Vip
    from appliance.services.routes import Named

EVERYWHERE = ("*", "0.0.0.0", "::")  # noqa: S104 - what labels say, not what is bound
Judge = Callable[["list[Service]"], "tuple[list[Service], list[Quarantined]]"]


def each(
    vips: Sequence[Vip], offered: list[Service], judge: Judge
) -> tuple[list[Service], list[Quarantined]]:
    """`judge` looks at the services of each VIP by themselves; who is refused on one is on none."""
    if not vips:
        return judge(offered)
    refused = {
        (one.app_id, one.index): one
        for vip in vips
        for one in judge([service for service in offered if vip.serves(service)])[1]
    }
    return [service for service in offered if service.key not in refused], list(refused.values())


def at(vip: Vip, named: list[Named]) -> list[Named]:
    """Who is served on `vip`, each bound there."""
    return [
        (name, replace(service, labels=replace(service.labels, bind_address=vip.address)))
        for name, service in named
        if vip.serves(service) and service.labels.bind_address in (vip.address, *EVERYWHERE)
    ]


def behind_doors(
    whole: LoadBalancer, seen: Sequence[tuple[Vip, LoadBalancer]], named: list[Named]
) -> LoadBalancer:
    """`whole` with a door for each VIP. What an app binds to an address that is no VIP stays as it is."""
    addresses = {vip.address for vip, _ in seen}
    kept = {
        service.labels.bind_address
        for _, service in named
        if service.labels.bind_address not in (*addresses, *EVERYWHERE)
    }
    frontends = [frontend for frontend in whole.frontends if frontend.address in kept]
    frontends += [_of_vip(frontend) for _, found in seen for frontend in found.frontends]
    return replace(
        whole,
        routes=(),
        default_http_backends=(),
        default_https_backends=(),
        frontends=tuple(sorted(frontends, key=lambda frontend: (frontend.port, frontend.address))),
        doors=tuple(
            Door(
                vip.address,
                found.routes,
                found.default_http_backends,
                found.default_https_backends,
                found.own_rules,
                app_routes(at(vip, named)),
            )
            for vip, found in seen
        ),
    )


def _of_vip(frontend: Frontend) -> Frontend:
    return replace(frontend, head=rebound(frontend.head, frontend.address))
