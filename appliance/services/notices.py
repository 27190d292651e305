"""What the owners of served apps should know: shared routes, labels without effect, changed names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.haproxy.model import Mode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.haproxy.model import LoadBalancer
    from appliance.services.model import Service


_MOST_ITEMS = 10
_LONGEST_ITEM = 120


def about_service(service: Service) -> list[str]:
    """Labels of `service` that have no effect."""
    labels = service.labels
    tcp = service.mode is Mode.TCP
    no_host = not labels.hosts
    vhost = f"HAPROXY_{service.index}_VHOST"
    found = {
        f"PATH: has no effect without {vhost}": no_host and labels.paths,
        f"REDIRECT_TO_HTTPS: has no effect without {vhost}": no_host and labels.redirect_to_https,
        f"HTTP_BACKEND_REDIR: has no effect without {vhost}": no_host and labels.redirect_root,
        "USE_HSTS: has no effect in mode tcp": tcp and labels.hsts,
        "HTTP_BACKEND_PROXYPASS_PATH: has no effect in mode tcp": tcp and labels.proxypass_path,
        "HTTP_BACKEND_REVPROXY_PATH: has no effect in mode tcp": tcp and labels.revproxy_path,
        f"BIND_ADDR: has no effect on port {service.port}, which all share": service.port in (80, 443)
        and labels.bind_address != "*",
        "STICKY: has no effect in mode tcp": tcp and labels.sticky,
        f"BALANCE: {labels.balance} needs mode http; roundrobin is used": tcp and labels.balance_needs_http,
    }
    notices = [f"{service.app_id}: HAPROXY_{service.index}_{text}" for text, holds in found.items() if holds]
    if not service.port and not labels.hosts:
        cure = f"give it HAPROXY_{service.index}_PORT or HAPROXY_{service.index}_VHOST"
        notices.append(f"{service.app_id}: port {service.index} has no service port and no vhost; {cure}")
    return notices


def about_names(name: str, plain: str, service: Service) -> list[str]:
    if name == plain:
        return []
    return [f"{service.app_id}: backend {plain} is another service's; port {service.index} is named {name}"]


def about_shares(load_balancer: LoadBalancer, services: Mapping[str, Service]) -> list[str]:
    """One notice for each set of services that share something, naming all they share."""
    shared: dict[tuple[str, ...], list[str]] = {}
    for what, backends in _claims(load_balancer):
        if len(backends) > 1:
            shared.setdefault(backends, []).append(what)
    return [
        f"{_members([services[name] for name in backends])} share {_listed(what, ', ')}: "
        "each gets traffic in proportion to its ready servers"
        for backends, what in shared.items()
    ]


def about_own_rules(load_balancer: LoadBalancer, services: Mapping[str, Service]) -> list[str]:
    """Services that claim one route outside of the maps, where it cannot be shared."""
    owners: dict[tuple[str, str], Service] = {}
    notices = []
    for rules in load_balancer.own_rules:
        service = services[rules.backend]
        for host in rules.hosts:
            for path in service.labels.paths or ("",):
                owner = owners.setdefault((host, path), service)
                if owner is not service:
                    notices.append(
                        f"{service.app_id}: {host}{path} is {owner.app_id}'s, which comes first: "
                        "routes made of templates are not shared"
                    )
    return notices


def _claims(load_balancer: LoadBalancer) -> Iterator[tuple[str, tuple[str, ...]]]:
    for route in load_balancer.routes:
        yield route.host + route.path, route.backends
    yield "port 80", load_balancer.default_http_backends
    yield "port 443", load_balancer.default_https_backends
    for frontend in load_balancer.frontends:
        yield f"port {frontend.port}", frontend.backends


def _members(services: list[Service]) -> str:
    names = list(dict.fromkeys(service.app_id for service in services))
    if len(names) < len(services):  # several ports of one app
        names = [f"{service.app_id} (port {service.index})" for service in services]
    return _listed(names, " and ")


def _listed(items: list[str], last: str) -> str:
    """`a, b and c`; the rest of a long list, and of a long item, is left out."""
    shown = [item if len(item) <= _LONGEST_ITEM else f"{item[:_LONGEST_ITEM]}…" for item in items]
    if len(shown) > _MOST_ITEMS:
        shown[_MOST_ITEMS - 1 :] = [f"{len(items) - _MOST_ITEMS + 1} more"]
    return last.join(filter(None, (", ".join(shown[:-1]), shown[-1])))
