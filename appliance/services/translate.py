"""Apps to what HAProxy shall serve: names, shared routes, conflicts, and the reasons for what is left out."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.haproxy.model import LoadBalancer
from appliance.services import deployment_groups, routes, vips
from appliance.services.assigned_ports import NONE, assigned_ports
from appliance.services.backends import plain_backend
from appliance.services.deployment_groups import Member
from appliance.services.last_good import LastGood, StandIns, told
from appliance.services.memo import Memo
from appliance.services.model import Ask, Conflict, Quarantined, Selection, Service, Translation
from appliance.services.notices import about_names, about_own_rules, about_service, about_shares
from appliance.services.offer import HTTP_PORTS, port_fault, services
from appliance.services.own import own_rules, own_texts
from appliance.services.policy import allowed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.marathon.model import App, Cluster
    from appliance.services.own import Own
    from appliance.services.routes import Named

__all__ = ["Ask", "LastGood", "Quarantined", "Selection", "Service", "Translation", "translate"]

_NOTHING_ASKED = Ask()
_NOTHING_KNOWN = LastGood()


def translate(
    cluster: Cluster,
    selection: Selection,
    addresses: Mapping[str, str],
    memo: Memo | None = None,
    ask: Ask = _NOTHING_ASKED,
    *,
    last_good: LastGood = _NOTHING_KNOWN,
) -> Translation:
    """What `selection` of `cluster` is served as. `addresses`: the tasks' host names to IP addresses.

    Depends on nothing else but the answers of `ask`, not even on the order of apps and tasks; `memo` only
    saves time. `last_good`: who stands in for services that cannot be served as they are now.
    """
    memo = memo or Memo()
    unreadable = [
        Quarantined(entry.app_id, f"{entry.where} {entry.reason}")
        for entry in cluster.unreadable
        if not entry.app_stands
    ]
    notices = [f"{entry.where} {entry.reason}; left out" for entry in cluster.unreadable if entry.app_stands]
    ips = memo.ips(cluster, addresses)
    notices += [
        f"host name {host!r} does not resolve; its tasks are left out" for host, ip in ips.items() if not ip
    ]
    assigned, about_ports = assigned_ports(cluster.apps, selection.assigned_ports)
    offered, quarantined, merged = _offered(cluster, selection, ips, assigned, memo=memo, ask=ask)
    quarantined += unreadable
    groups, members = _members(cluster, merged, quarantined) if last_good.services else ({}, {})
    stand_ins = StandIns(last_good, members, groups, ips, selection, ask)
    candidates = stand_ins.among(offered, quarantined) if quarantined or last_good.refused else offered
    own, named, refused = _served(candidates, selection, ask)
    lost_keys = {(entry.app_id, entry.index) for entry in refused}
    if not lost_keys.isdisjoint(last_good.services):
        rest = [service for service in candidates if service.key not in lost_keys]
        own, named, refused_again = _served(stand_ins.among(rest, refused), selection, ask)
        refused += [entry for entry in refused_again if (entry.app_id, entry.index) not in lost_keys]
    asked_for = {service.key: service for service in offered}
    kept = frozenset(service.key for _, service in named if asked_for.get(service.key) is not service)
    quarantined = told(quarantined + refused, kept, groups)
    load_balancer, lost = _load_balancer(named, selection.conflict, own, selection.default_app)
    if selection.vips:
        load_balancer, lost = _behind_doors(load_balancer, named, selection, own)
    notices += about_ports + lost
    for name, service in named:
        notices += about_service(service) + about_names(name, _plain_name(service), service)
    notices += about_shares(load_balancer, dict(named)) + about_own_rules(load_balancer, dict(named))
    return Translation(
        load_balancer,
        tuple(sorted(set(quarantined), key=lambda entry: (entry.app_id, entry.reason))),
        tuple(sorted(set(notices))),
        tuple(named),
        kept,
    )


def alone(name: str, service: Service, own: Own) -> LoadBalancer:
    """`service` as if there were no other."""
    return _load_balancer([(name, service)], Conflict.SHARE, {name: own})[0]


def _offered(
    cluster: Cluster,
    selection: Selection,
    ips: dict[str, str],
    assigned: Mapping[str, Mapping[int, int]],
    *,
    memo: Memo,
    ask: Ask,
) -> tuple[list[Service], list[Quarantined], list[Member]]:
    """All services that are meant, by app id and port; what is wrong with others; and merged apps."""
    alone, merged, refused = deployment_groups.members(cluster.apps)

    def work_out(app: App, drained: frozenset[str] = frozenset()) -> list[Service | Quarantined]:
        ports = assigned.get(app.id, NONE)
        offers = services(app, selection, ips, ask=ask, assigned=ports, disabled=drained)
        return allowed(app.labels, offers, selection.policy) if selection.policy else offers

    def beside(app: App) -> object:
        files = any(name.endswith(("_SSL_CERT", "_BIND_OPTIONS")) for name in app.labels)
        return object() if files else assigned.get(app.id)  # what a file holds is asked each time

    offers = list(memo.offers(replace(cluster, apps=alone), ips, work_out, beside))
    for member in merged:
        offers += work_out(member.app, member.drained)
    offered: list[Service] = []
    for offer in offers:
        if not isinstance(offer, Service):
            refused.append(offer)
        elif fault := port_fault(offer, selection, ask):  # asked each time: it depends on more than the app
            refused.append(Quarantined(offer.app_id, fault, offer.index))
            offered.append(replace(offer, own_port=False))
        else:
            offered.append(offer)
    offered.sort(key=lambda service: (service.app_id, service.port, service.index))
    return offered, refused, merged


def _members(
    cluster: Cluster, merged: list[Member], refused: list[Quarantined]
) -> tuple[dict[str, str], dict[str, Member]]:
    """Who is in a deployment group that cannot be merged, and every app that can be read, merged or not."""
    whole = {entry.app_id for entry in refused if entry.index is None}
    members = {app.id: Member(app) for app in cluster.apps}
    groups = {}
    for app in cluster.apps:
        group = deployment_groups.merged_id(app) if app.id in whole else ""
        if group and group != app.id:
            groups[app.id] = group
            others = members[group].app.tasks if group in members else ()
            members[group] = Member(replace(app, id=group, ports=(), tasks=others + app.tasks))
    members.update((member.app.id, member) for member in merged)
    return groups, members


def _served(
    offered: list[Service], selection: Selection, ask: Ask
) -> tuple[dict[str, Own], list[Named], list[Quarantined]]:
    """Own texts by backend, all that can be served beside each other, and what is wrong with the rest."""
    served, refused = vips.each(selection.vips, offered, routes.one_kind_per_port)
    if selection.conflict is Conflict.REJECT:
        served, rejected = vips.each(selection.vips, served, routes.rejected)
        refused += rejected
    own, named, unfit = own_texts(_named(served), selection.texts, ask, alone)
    return own, named, refused + unfit


def _plain_name(service: Service) -> str:
    """marathon-lb's name of the backend."""
    return f"{service.app_id[1:].replace('/', '_')}_{service.port}"


def _named(served: list[Service]) -> list[Named]:
    """Each service with the name of its backend; the first app and index keeps one that two would have."""
    taken: set[str] = set()
    names = {}
    for service in sorted(served, key=lambda one: one.key):
        name = _plain_name(service)
        if name in taken:
            digest = hashlib.sha256(f"{service.app_id} {service.index}".encode()).hexdigest()
            name = next(f"{name}_{digest[:n]}" for n in range(8, 65) if f"{name}_{digest[:n]}" not in taken)
        taken.add(name)
        names[service.key] = name
    return [(names[service.key], service) for service in served]


def _behind_doors(
    whole: LoadBalancer, named: list[Named], selection: Selection, own: Mapping[str, Own]
) -> tuple[LoadBalancer, list[str]]:
    """`whole` as each VIP shows it, and notices."""
    seen = []
    notices = routes.default_app(named, selection.default_app)[1]
    for vip in selection.vips:
        of_vip = vips.at(vip, named)
        default = selection.default_app
        if default and default[0] not in {service.app_id for _, service in of_vip}:
            default = None
        found, lost = _load_balancer(of_vip, selection.conflict, own, default)
        seen.append((vip, found))
        notices += lost
    return vips.behind_doors(whole, seen, named), notices


def _load_balancer(
    named: list[Named],
    conflict: Conflict,
    own: Mapping[str, Own],
    default_app: tuple[str, int | None] | None = None,
) -> tuple[LoadBalancer, list[str]]:
    outside = {name for name, one in own.items() if one.has_rules}
    found, notices = routes.routes(named, conflict, outside)
    heads = {name: one.head for name, one in own.items() if one.head}
    glue = {name: one.glue for name, one in own.items() if one.glue}
    app_routes = routes.app_routes(named)
    by_app_id = {one.backend for one in app_routes if one.backend in own and own[one.backend].app_id}
    http, https = (routes.default_backends(named, port, conflict) for port in HTTP_PORTS)
    default, missing = routes.default_app(named, default_app)
    return LoadBalancer(
        routes=found,
        frontends=routes.frontends(named, conflict, heads, glue),
        app_routes=tuple(one for one in app_routes if one.backend not in by_app_id),
        backends=tuple(
            own[name].backend if name in own else plain_backend(name, service) for name, service in named
        ),
        default_http_backends=http or default,
        default_https_backends=https or default,
        own_rules=own_rules(named, own, by_app_id),
        tls=routes.vhost_tls(service for _, service in named),
    ), notices + missing
