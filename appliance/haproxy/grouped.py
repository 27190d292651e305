"""TLS ended per vhost: each has a frontend of its own, reached by the server name that the client sends."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.haproxy import texts
from appliance.haproxy.model import OWN_BACKENDS
from appliance.haproxy.targets import Targets, some_targets, targets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.haproxy.model import LoadBalancer, OwnRules, Process, Route, VhostTls

SNI_MAP = "sni2backend.map"
_REST = "marathon_https_rest"
"""Serves clients that name no host, or none that is known: by the Host of their request."""


@dataclass(frozen=True)
class Vhost:
    host: str
    """'' for the rest."""
    backend: str
    frontend: str
    socket: str
    certificates: tuple[str, ...]
    options: str
    targets: Targets
    acl: str = ""
    backend_head: str = ""
    frontend_head: str = ""


def vhosts(load_balancer: LoadBalancer, process: Process, certificates: tuple[str, ...]) -> tuple[Vhost, ...]:
    """Sorted by host, the rest last."""
    tls = {one.host: one for one in load_balancer.tls}
    hosts = {route.host for route in load_balancer.routes if not route.host.startswith("*")}
    hosts |= {host for rules in load_balancer.own_rules for host in rules.hosts}
    taken = {backend.name for backend in load_balancer.backends} | {*OWN_BACKENDS, _REST}
    routes: dict[str, list[Route]] = {}
    for route in load_balancer.routes:
        routes.setdefault(route.host, []).append(route)
    own: dict[str, list[OwnRules]] = {}
    for rules in load_balancer.own_rules:
        for host in rules.hosts:
            own.setdefault(host, []).append(rules)
    found = []
    for host in sorted(hosts):
        name = re.sub("[^a-zA-Z0-9-]", "_", host)
        while name in taken:
            name += "_tls"
        taken.add(name)
        choice = some_targets(routes.get(host, ()), own.get(host, ()), (), https=True)
        found.append(
            _vhost(
                host,
                name,
                choice,
                process=process,
                tls=tls.get(host),
                every_certificate=certificates,
            )
        )
    rest = Vhost("", _REST, f"https:{_REST}", _REST, certificates, "", targets(load_balancer, https=True))
    return (*found, rest)


def sni_map(found: tuple[Vhost, ...]) -> str:
    return "".join(f"{vhost.host} {vhost.backend}\n" for vhost in found if vhost.host)


def _vhost(
    host: str,
    name: str,
    choice: Targets,
    *,
    process: Process,
    tls: VhostTls | None,
    every_certificate: tuple[str, ...],
) -> Vhost:
    certificates = (tls.certificates if tls else ()) or process.certificates or every_certificate
    options = tls.options if tls else ""
    filled = {
        part: texts.body(part, texts.fill(part, process.texts[part], values))
        for part, values in (
            ("HTTPS_GROUPED_VHOST_FRONTEND_ACL", {"backend": name, "host": host}),
            ("HTTPS_GROUPED_VHOST_BACKEND_HEAD", {"name": name}),
            ("HTTPS_GROUPED_VHOST_FRONTEND_HEAD", _head_values(name, certificates, options)),
        )
        if part in process.texts
    }
    return Vhost(
        host,
        name,
        f"https:{name}",
        name,
        certificates,
        options,
        choice,
        acl=filled.get("HTTPS_GROUPED_VHOST_FRONTEND_ACL", ""),
        backend_head=filled.get("HTTPS_GROUPED_VHOST_BACKEND_HEAD", ""),
        frontend_head=filled.get("HTTPS_GROUPED_VHOST_FRONTEND_HEAD", ""),
    )


def _head_values(name: str, certificates: tuple[str, ...], options: str) -> Mapping[str, str]:
    crt = " ".join(f"crt {certificate}" for certificate in certificates)
    return {"name": name, "sslCerts": crt, "bindOpts": f" {options}" if options else ""}
