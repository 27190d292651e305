"""The backend of one service, as its value labels have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.haproxy.model import Backend, Mode, Rules

if TYPE_CHECKING:
    from appliance.services.model import Service


def plain_backend(name: str, service: Service) -> Backend:
    http = service.mode is Mode.HTTP
    labels = service.labels
    return Backend(
        name=name,
        mode=service.mode,
        balance=labels.balance if http or not labels.balance_needs_http else "roundrobin",
        servers=service.servers,
        check=service.check,
        sticky=labels.sticky and http,
        tls=labels.server_tls,
        compression=http and bool(labels.compression),
        rules=_rules(service),
    )


def _rules(service: Service) -> Rules | None:
    labels = service.labels
    if service.mode is Mode.TCP:
        return Rules(networks=labels.networks) if labels.networks else None
    wanted = (
        labels.auth,
        labels.hsts,
        labels.proxypass_path,
        labels.revproxy_path,
        labels.redirect_root and labels.hosts,
        labels.networks,
    )
    if not any(wanted):
        return None
    return Rules(
        hosts=labels.hosts,
        auth=labels.auth,
        hsts=labels.hsts,
        proxypass_path=labels.proxypass_path,
        revproxy_path=labels.revproxy_path,
        redirect_root=labels.redirect_root if labels.hosts else "",
        networks=labels.networks,
    )
