"""Services as they were served last, for those whose app now carries something that cannot be used.

Such a service keeps its routes, its protection and all else it had, with the servers that it has now, until
its app is repaired or deleted, is not meant any more, or has no tasks left.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from appliance.services.model import Key, Quarantined, Service
from appliance.services.offer import port_fault, tls_fault, with_servers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from appliance.haproxy.model import Server
    from appliance.services.deployment_groups import Member
    from appliance.services.model import Ask, Selection

KEPT = "; its last good routes are kept"


@dataclass(frozen=True)
class LastGood:
    """What HAProxy took last, and whom it refuses as they are now."""

    services: Mapping[Key, Service] = field(default_factory=dict)
    refused: frozenset[Key] = frozenset()


@dataclass(frozen=True)
class StandIns:
    """Finds who stands in for whom. `members`: the apps as they are now; the unreadable ones are missing."""

    last_good: LastGood
    members: Mapping[str, Member]
    groups: Mapping[str, str]
    """App id -> the deployment group that cannot be merged because of it."""
    addresses: Mapping[str, str]
    selection: Selection
    ask: Ask

    def among(self, offered: list[Service], refused: Iterable[Quarantined]) -> list[Service]:
        """`offered`, with the last good ones in place of those that cannot be served."""
        found = {service.key: service for service in offered if service.key not in self.last_good.refused}
        known = self.last_good.services
        keys = {key for entry in refused for key in self._keys(entry)} | self.last_good.refused
        for key in sorted(keys & known.keys()):
            if key not in found or not found[key].own_port:
                stand_in = self._as_of_now(known[key], found)
                if stand_in and (key not in found or stand_in.own_port):
                    found[key] = stand_in
        return sorted(found.values(), key=lambda service: (service.app_id, service.port, service.index))

    def _keys(self, entry: Quarantined) -> set[Key]:
        if entry.index is not None:
            return {(entry.app_id, entry.index)}
        meant = {entry.app_id, self.groups.get(entry.app_id)}
        return {key for key in self.last_good.services if key[0] in meant}

    def _as_of_now(self, service: Service, others: Mapping[Key, Service]) -> Service | None:
        """None if its app has no tasks any more."""
        pool = self._servers(service, others)
        if pool is None:
            return None
        assigned = service.app_port and not service.app_port.service_port and service.labels.port is None
        if assigned and any(other.port == service.port for other in others.values()):
            service = replace(service, port=0)
        service = replace(service, servers=pool, own_port=not tls_fault(service, self.ask))
        held = port_fault(service, self.selection, self.ask)
        return replace(service, own_port=False) if held else service

    def _servers(self, service: Service, others: Mapping[Key, Service]) -> tuple[Server, ...] | None:
        member = self.members.get(service.app_id)
        if member is None:
            return service.servers
        app, n = member.app, service.index
        if not app.tasks:
            return None
        if n < len(app.ports) and app.ports[n] == service.app_port:
            everybody = {**self.last_good.services, **others}
            of_app = (other for other in everybody.values() if other.app_id == service.app_id)
            found = with_servers(
                app,
                service,
                sorted(of_app, key=lambda other: (other.port, other.index)),
                selection=self.selection,
                addresses=self.addresses,
                disabled=member.drained,
            )
            if isinstance(found, Service):
                return found.servers
        # The app's ports are others now: which of them this service was, only its old servers tell.
        here = {
            (self.addresses.get(endpoint.host), endpoint.port)
            for task in app.tasks
            for endpoint in task.endpoints
            if endpoint
        }
        return tuple(server for server in service.servers if (server.address, server.port) in here) or None


def told(
    entries: Iterable[Quarantined], kept: frozenset[Key], groups: Mapping[str, str]
) -> list[Quarantined]:
    """`entries`, each with the word that its last good routes are kept if they are."""
    apps = {app_id for app_id, _ in kept}
    return [
        replace(entry, reason=entry.reason + KEPT)
        if (entry.app_id, entry.index) in kept
        or (entry.index is None and not apps.isdisjoint((entry.app_id, groups.get(entry.app_id))))
        else entry
        for entry in entries
    ]
