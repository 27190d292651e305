"""What the operator lets apps ask for: labels and templates by name, and who owns vhosts and ports."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from appliance.haproxy.catalogue import LABEL_TEMPLATES
from appliance.services.labels import by_index
from appliance.services.model import Quarantined, Service

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Owner:
    """Only apps whose id begins with one of `apps` may have these vhosts and ports."""

    apps: tuple[str, ...]
    vhosts: tuple[str, ...] = ()
    """shop.example, or *.shop.example for all names below it; lower case."""
    ports: tuple[tuple[int, int], ...] = ()
    """First and last port of each range."""

    def has(self, app_id: str) -> bool:
        return any(_below(app_id, prefix) for prefix in self.apps)


@dataclass(frozen=True)
class Policy:
    """Names are written without HAPROXY_{n}_; * in them stands for any characters."""

    denied_labels: tuple[str, ...] = ()
    denied_templates: tuple[str, ...] = ()
    owners: tuple[Owner, ...] = ()


def allowed(
    labels: Mapping[str, str], offers: Sequence[Service | Quarantined], policy: Policy
) -> list[Service | Quarantined]:
    """The services of one app, those that the policy forbids as a reason. `labels`: all of the app's."""
    if policy == Policy():
        return list(offers)
    by_port = by_index(labels)
    judged: list[Service | Quarantined] = []
    for offer in offers:
        reason = ""
        if isinstance(offer, Service):
            reason = denied(by_port.get(offer.index, {}), offer.index, policy) or foreign(offer, policy)
        judged.append(Quarantined(offer.app_id, reason, offer.index) if reason else offer)
    return judged


def denied(own: Mapping[str, str], n: int, policy: Policy) -> str:
    """The first label of service `n` that apps may not use, with the reason; '' if there is none."""
    for name in sorted(name for name, value in own.items() if value):
        if any(fnmatchcase(name, pattern) for pattern in policy.denied_labels):
            return f"HAPROXY_{n}_{name}: the operator's policy denies apps this label; remove it"
        if name in LABEL_TEMPLATES and any(fnmatchcase(name, pattern) for pattern in policy.denied_templates):
            return f"HAPROXY_{n}_{name}: the operator's policy denies apps this template; remove it"
    return ""


def foreign(service: Service, policy: Policy) -> str:
    """Which vhost or port of `service` belongs to other apps; '' if it may have all."""
    n = service.index
    for owner in policy.owners:
        if owner.has(service.app_id):
            continue
        belongs = f"belongs to {' and '.join(owner.apps)} by the operator's policy"
        for host in service.labels.hosts:
            if any(_covers(pattern, host) for pattern in owner.vhosts) and not _else(policy, service, host):
                return f"HAPROXY_{n}_VHOST: {host} {belongs}"
        if any(first <= service.port <= last for first, last in owner.ports):
            return f"service port {service.port} of port {n} {belongs}; choose another with HAPROXY_{n}_PORT"
    return ""


def _else(policy: Policy, service: Service, host: str) -> bool:
    """Whether the app of `service` owns that very name, which outweighs a wildcard of others."""
    return any(host in owner.vhosts and owner.has(service.app_id) for owner in policy.owners)


def _covers(pattern: str, host: str) -> bool:
    """A wildcard covers the names below it, and any wildcard that would take them."""
    name = host.removeprefix("*")
    if pattern.startswith("*") and name.endswith(pattern[1:]):
        return True
    return host == pattern or (host.startswith("*") and pattern.endswith(name))


def _below(app_id: str, prefix: str) -> bool:
    """/shop is the app itself and all below it, not /shopping."""
    return app_id == prefix.rstrip("/") or app_id.startswith(prefix.rstrip("/") + "/")
