"""Who gets which requests: hosts and paths, service ports, app ids; and who shares or loses them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.haproxy.model import AppRoute, Frontend, Mode, Route, VhostTls
from appliance.services.model import Conflict, Quarantined

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from appliance.services.model import Service

Named = tuple["str", "Service"]
"""A backend's name and its service."""
HTTP_PORTS = (80, 443)


def weight(service: Service) -> int:
    """Larger comes first. A path counts one unless the label says otherwise."""
    given = service.labels.weight
    return given if given is not None else int(bool(service.labels.paths))


def one_kind_per_port(offered: list[Service]) -> tuple[list[Service], list[Quarantined]]:
    """A port speaks what its first service (by app id) speaks; one that differs is quarantined."""
    first: dict[tuple[int, str], Service] = {}
    served, refused = [], []
    for service in offered:
        address = "*" if service.port in HTTP_PORTS else service.labels.bind_address
        owner = first.setdefault((service.port, address), service) if service.port else service
        difference = _difference(service, owner)
        if difference:
            reason = (
                f"service port {service.port} of port {service.index} is {difference} "
                f"for {owner.app_id}; choose another with HAPROXY_{service.index}_PORT"
            )
            refused.append(Quarantined(service.app_id, reason, service.index))
        else:
            served.append(service)
    return served, refused


def _difference(service: Service, owner: Service) -> str:
    if service is owner:
        return ""
    if service.mode is not owner.mode:
        return f"mode {service.mode.value} here, but {owner.mode.value}"
    if service.port in HTTP_PORTS:
        return ""
    ours, theirs = service.labels, owner.labels
    if bool(ours.certificate) != bool(theirs.certificate):
        return "with TLS here, but without" if ours.certificate else "without TLS here, but with TLS"
    if ours.bind_options != theirs.bind_options:
        return "bound with other options than"
    return ""


def rejected(offered: list[Service]) -> tuple[list[Service], list[Quarantined]]:
    """Of services that claim one route only the first is served."""
    owners: dict[tuple[object, ...], Service] = {}
    refused: dict[int, Quarantined] = {}
    for service in sorted(offered, key=_precedence):
        claims = _claims(service)
        lost = next((claim for claim in claims if claim in owners), None)
        if lost is None:
            owners.update(dict.fromkeys(claims, service))
        else:
            what = f"port {lost[1]}" if lost[0] == "port" else f"{lost[1]}{lost[2]}"
            reason = f"port {service.index} claims {what}, which is {owners[lost].app_id}'s"
            refused[id(service)] = Quarantined(service.app_id, reason, service.index)
    return [service for service in offered if id(service) not in refused], list(refused.values())


def _precedence(service: Service) -> tuple[int, str, int, int]:
    return -weight(service), service.app_id, service.port, service.index


def _claims(service: Service) -> list[tuple[object, ...]]:
    labels = service.labels
    claims: list[tuple[object, ...]] = [
        ("route", host, path) for host in labels.hosts for path in labels.paths or ("",)
    ]
    if service.port and service.own_port:
        claims.append(("port", service.port, labels.bind_address))
    return claims


def routes(
    named: list[Named], conflict: Conflict, outside: Collection[str]
) -> tuple[tuple[Route, ...], list[str]]:
    """All routes of the maps, and notices about those who lost one. `outside`: backends with own rules."""
    members: dict[tuple[str, str, bool], list[Named]] = {}
    for name, service in named:
        labels = service.labels
        for host in labels.wildcards if name in outside else labels.hosts:
            for path in labels.paths or ("",):
                key = (host, path, labels.ignore_case and bool(path))
                members.setdefault(key, []).append((name, service))
    found, notices = [], []
    for key in sorted(members, key=lambda key: (key[0], key[2], -len(key[1]), key[1])):
        host, path, ignore_case = key
        of_route = members[key]
        if len(of_route) > 1:
            of_route, lost = _winners(of_route, conflict)
            owner = of_route[0][1].app_id
            notices += [f"{one.app_id}: {host}{path} is {owner}'s, which comes first" for _, one in lost]
        found.append(
            Route(
                host=host,
                path=path,
                backends=tuple(name for name, _ in of_route),
                redirect_to_https=any(service.labels.redirect_to_https for _, service in of_route),
                ignore_case=ignore_case,
                weight=weight(of_route[0][1]),
            )
        )
    return tuple(found), notices


def _winners(members: list[Named], conflict: Conflict) -> tuple[list[Named], list[Named]]:
    """Those who have the route, and those who do not. A larger weight has it alone."""
    best = max(weight(service) for _, service in members)
    winners = [member for member in members if weight(member[1]) == best]
    if conflict is not Conflict.SHARE:
        winners = winners[:1]
    return winners, [member for member in members if member not in winners]


def first_or_all(members: list[Named], conflict: Conflict) -> tuple[str, ...]:
    """The backends of a port of several services."""
    if conflict is Conflict.SHARE or len(members) < 2:
        return tuple(name for name, _ in members)
    return (min(members, key=lambda member: _precedence(member[1]))[0],)


def frontends(
    named: list[Named], conflict: Conflict, heads: Mapping[str, str], glue: Mapping[str, str]
) -> tuple[Frontend, ...]:
    """Of all service ports but 80 and 443."""
    by_port: dict[tuple[int, str], list[Named]] = {}
    for name, service in named:
        if service.own_port and service.port and service.port not in HTTP_PORTS:
            by_port.setdefault((service.port, service.labels.bind_address), []).append((name, service))
    found = []
    for (port, address), members in sorted(by_port.items(), key=lambda item: item[0]):
        backends = first_or_all(members, conflict)
        first = members[0][1]
        found.append(
            Frontend(
                port,
                first.mode,
                backends,
                address,
                tuple(sorted({s.labels.certificate for _, s in members if s.labels.certificate})),
                first.labels.bind_options,
                head=next((heads[name] for name in backends if name in heads), ""),
                glue=tuple((name, glue[name]) for name in backends if name in glue),
            )
        )
    return tuple(found)


def default_backends(named: list[Named], port: int, conflict: Conflict) -> tuple[str, ...]:
    return first_or_all([(name, service) for name, service in named if service.port == port], conflict)


def default_app(
    named: list[Named], wanted: tuple[str, int | None] | None
) -> tuple[tuple[str, ...], list[str]]:
    """The backend of the app that the operator chose as default, and a notice if there is none."""
    if wanted is None:
        return (), []
    app_id, index = wanted
    for name, service in named:
        if service.app_id == app_id and service.mode is Mode.HTTP and index in (None, service.index):
            return (name,), []
    which = "no http service" if index is None else f"no http service at port {index}"
    return (), [f"{app_id} is the default app, but {which} of it is served here"]


def app_routes(named: list[Named]) -> tuple[AppRoute, ...]:
    """An app is reached through its first http service. The ids are compared in any case."""
    first: dict[str, str] = {}
    for name, service in named:
        if service.mode is Mode.HTTP:
            first.setdefault(service.app_id.lower(), name)
    return tuple(AppRoute(app_id, name) for app_id, name in sorted(first.items()))


def vhost_tls(services: Iterable[Service]) -> tuple[VhostTls, ...]:
    """What the services of each vhost say about its TLS, together."""
    certificates: dict[str, set[str]] = {}
    options: dict[str, set[str]] = {}
    for service in services:
        labels = service.labels
        if service.own_port and (labels.certificate or labels.bind_options):
            for host in labels.hosts:
                certificates.setdefault(host, set()).update(filter(None, [labels.certificate]))
                options.setdefault(host, set()).update(filter(None, [labels.bind_options]))
    return tuple(
        VhostTls(host, tuple(sorted(certificates[host])), " ".join(sorted(options[host])))
        for host in sorted(certificates)
    )
