"""Apps to what HAProxy shall serve: names, shared routes, conflicts, and the reasons for what is left out."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from appliance.haproxy.model import AppRoute, Backend, Frontend, LoadBalancer, Mode, Route
from appliance.services.memo import Memo
from appliance.services.model import Quarantined, Selection, Service, Translation
from appliance.services.notices import about_names, about_service, about_shares
from appliance.services.offer import HTTP_PORTS, services

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from appliance.marathon.model import Cluster

__all__ = ["Quarantined", "Selection", "Service", "Translation", "translate"]

Named = tuple[str, Service]
"""A backend's name and its service."""


def translate(
    cluster: Cluster, selection: Selection, addresses: Mapping[str, str], memo: Memo | None = None
) -> Translation:
    """What `selection` of `cluster` is served as. `addresses`: the tasks' host names to IP addresses.

    Depends on nothing else, not even on the order of apps and tasks; `memo` only saves time.
    """
    memo = memo or Memo()
    quarantined = [
        Quarantined(entry.app_id, f"{entry.where} {entry.reason}")
        for entry in cluster.unreadable
        if not entry.app_stands
    ]
    notices = [f"{entry.where} {entry.reason}; left out" for entry in cluster.unreadable if entry.app_stands]
    ips = memo.ips(cluster, addresses)
    notices += [
        f"host name {host!r} does not resolve; its tasks are left out" for host, ip in ips.items() if not ip
    ]
    offered: list[Service] = []
    for offer in memo.offers(cluster, ips, lambda app: services(app, selection, ips)):
        if isinstance(offer, Service):
            offered.append(offer)
        else:
            quarantined.append(offer)
    offered.sort(key=lambda service: (service.app_id, service.port, service.index))
    served, refused = _one_mode_per_port(offered)
    quarantined += refused
    named = _named(served)
    load_balancer = _load_balancer(named)
    for name, service in named:
        notices += about_service(service) + about_names(name, _plain_name(service), service)
    notices += about_shares(load_balancer, dict(named))
    return Translation(
        load_balancer,
        tuple(sorted(set(quarantined), key=lambda entry: (entry.app_id, entry.reason))),
        tuple(sorted(set(notices))),
    )


def _one_mode_per_port(offered: list[Service]) -> tuple[list[Service], list[Quarantined]]:
    """A port speaks what its first service (by app id) speaks; one that differs is quarantined."""
    first: dict[int, Service] = {}
    served, refused = [], []
    for service in offered:
        owner = first.setdefault(service.port, service) if service.port else service
        if service.mode is owner.mode:
            served.append(service)
        else:
            reason = (
                f"service port {service.port} of port {service.index} is mode {service.mode.value} here, "
                f"but {owner.mode.value} for {owner.app_id}; choose another with HAPROXY_{service.index}_PORT"
            )
            refused.append(Quarantined(service.app_id, reason))
    return served, refused


def _plain_name(service: Service) -> str:
    """marathon-lb's name of the backend."""
    return f"{service.app_id[1:].replace('/', '_')}_{service.port}"


def _named(served: list[Service]) -> list[Named]:
    """Each service with the name of its backend; the first keeps a name that two would have."""
    taken: set[str] = set()
    named = []
    for service in served:
        name = _plain_name(service)
        if name in taken:
            digest = hashlib.sha256(f"{service.app_id} {service.index}".encode()).hexdigest()
            name = next(f"{name}_{digest[:n]}" for n in range(8, 65) if f"{name}_{digest[:n]}" not in taken)
        taken.add(name)
        named.append((name, service))
    return named


def _load_balancer(named: list[Named]) -> LoadBalancer:
    by_port: dict[int, list[Named]] = {}
    for name, service in named:
        by_port.setdefault(service.port, []).append((name, service))
    http, https = (_names(by_port.pop(port, [])) for port in HTTP_PORTS)
    by_port.pop(0, None)
    return LoadBalancer(
        routes=_routes(named),
        frontends=tuple(
            Frontend(port, members[0][1].mode, _names(members)) for port, members in sorted(by_port.items())
        ),
        app_routes=_app_routes(named),
        backends=tuple(_backend(name, service) for name, service in named),
        default_http_backends=http,
        default_https_backends=https,
    )


def _backend(name: str, service: Service) -> Backend:
    http = service.mode is Mode.HTTP
    labels = service.labels
    return Backend(
        name=name,
        mode=service.mode,
        balance=labels.balance if http or not labels.balance_needs_http else "roundrobin",
        servers=service.servers,
        check=service.check,
        sticky=labels.sticky and http,
    )


def _routes(named: list[Named]) -> tuple[Route, ...]:
    members: dict[tuple[str, str, bool], list[Named]] = {}
    for name, service in named:
        labels = service.labels
        for host in labels.vhosts:
            for path in labels.paths or ("",):
                key = (host, path, labels.ignore_case and bool(path))
                members.setdefault(key, []).append((name, service))
    return tuple(
        Route(
            host=host,
            path=path,
            backends=_names(members[host, path, ignore_case]),
            redirect_to_https=any(s.labels.redirect_to_https for _, s in members[host, path, ignore_case]),
            ignore_case=ignore_case,
        )
        for host, path, ignore_case in sorted(members, key=lambda key: (key[0], key[2], -len(key[1]), key[1]))
    )


def _app_routes(named: list[Named]) -> tuple[AppRoute, ...]:
    """An app is reached through its first http service. The ids are compared in any case."""
    first: dict[str, str] = {}
    for name, service in named:
        if service.mode is Mode.HTTP:
            first.setdefault(service.app_id.lower(), name)
    return tuple(AppRoute(app_id, name) for app_id, name in sorted(first.items()))


def _names(members: Iterable[Named]) -> tuple[str, ...]:
    return tuple(name for name, _ in members)
