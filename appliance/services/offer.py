"""What one app offers: its ports that are to be served, or the reason why one of them is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from appliance.haproxy.model import PROBE_HOST, Check, CheckKind, Mode
from appliance.services.labels import (
    LabelError,
    by_index,
    enabled,
    groups,
    service_labels,
)
from appliance.services.model import Quarantined, Service
from appliance.services.pool import ID_SPACE, servers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.marathon.model import App, HealthCheck
    from appliance.services.labels import ServiceLabels
    from appliance.services.model import Ask, Selection

HTTP_PORTS = (80, 443)
"""Shared by all vhosts: a service with such a port takes what no vhost matched."""
_HTTP_CHECKS = {
    "HTTP": CheckKind.HTTP,
    "MESOS_HTTP": CheckKind.HTTP,
    "HTTPS": CheckKind.HTTPS,
    "MESOS_HTTPS": CheckKind.HTTPS,
}
_CHECKS = {"TCP": CheckKind.TCP, "MESOS_TCP": CheckKind.TCP, **_HTTP_CHECKS}
_LONGEST_CHECK_PATH = 1024
_DAY_S = 86_400


def services(
    app: App,
    selection: Selection,
    addresses: Mapping[str, str],
    *,
    ask: Ask,
    assigned: Mapping[int, int],
    disabled: frozenset[str] = frozenset(),
) -> list[Service | Quarantined]:
    """Each port of `app` that `selection` means, as a Service or the reason why it is none.

    `assigned`: service ports by index that are not Marathon's. `disabled`: ids of drained tasks.
    """
    found: list[Service] = []
    refused: list[Quarantined] = []
    labels = by_index(app.labels)
    for n in range(len(app.ports)):
        own = labels.get(n, {})
        try:
            if _meant(app, n, own, selection):
                read = service_labels(own, n)
                if read.compression is None and selection.compression:
                    read = replace(read, compression=selection.compression)
                port = read.port or app.ports[n].service_port or assigned.get(n, 0)
                service = _service(app, n, port, read, selection)
                fault = tls_fault(service, ask)
                if fault:
                    refused.append(Quarantined(app.id, fault, n))
                found.append(replace(service, own_port=False) if fault else service)
        except (LabelError, UnservableError) as error:
            refused.append(Quarantined(app.id, str(error), n))
    order = sorted(found, key=lambda service: (service.port, service.index))
    whole = [
        with_servers(app, service, order, selection=selection, addresses=addresses, disabled=disabled)
        for service in found
    ]
    return [*whole, *refused]


class UnservableError(ValueError):
    """Why a service with valid labels cannot be served."""


def _meant(app: App, n: int, own: Mapping[str, str], selection: Selection) -> bool:
    port = app.ports[n]
    if port.service_port is None or not enabled(own, not selection.strict_mode):
        return False
    if port.protocol == "udp" and any(
        other.service_port == port.service_port and other.protocol != "udp" for other in app.ports
    ):
        return False  # one number for both: HAProxy carries the tcp half
    return "*" in selection.groups or not groups(app.labels, n).isdisjoint(selection.groups)


def _service(app: App, n: int, port: int, labels: ServiceLabels, selection: Selection) -> Service:
    """Without its servers. Raises UnservableError."""
    health_check = _selected(app.health_checks, n)
    if health_check is None and labels.check_port_index is not None:
        health_check = _selected(app.health_checks, labels.check_port_index)
    speaks_http = (
        labels.hosts or port in HTTP_PORTS or (health_check and health_check.protocol in _HTTP_CHECKS)
    )
    mode = labels.mode or (Mode.HTTP if speaks_http else Mode.TCP)
    check = _check(health_check, mode) if health_check else None
    fault = _fault(n, port, mode, labels, selection) or _check_fault(check)
    if fault:
        raise UnservableError(fault)
    service = Service(
        *(app.id, n, port, mode, labels, check, ()),
        health_check=health_check,
        app_port=app.ports[n],
        groups=groups(app.labels, n),
    )
    foreign = {vip.address for vip in selection.vips if not vip.serves(service)}
    if labels.bind_address in foreign:
        raise UnservableError(f"HAPROXY_{n}_BIND_ADDR: {labels.bind_address} is the VIP of other groups")
    return service


def with_servers(
    app: App,
    service: Service,
    order: list[Service],
    *,
    selection: Selection,
    addresses: Mapping[str, str],
    disabled: frozenset[str],
) -> Service | Quarantined:
    """`order`: the services of the app, which BACKEND_HEALTHCHECK_PORT_INDEX counts."""
    n, position = service.index, service.labels.check_port_index
    pool = servers(
        app,
        n,
        addresses,
        only_alive=selection.health_check,
        sticky=service.labels.sticky and service.mode is Mode.HTTP,
        checked_at=order[position].index if position is not None and position < len(order) else None,
        disabled=disabled,
    )
    if len(pool) >= ID_SPACE - 1:
        reason = f"port {n} has {len(pool)} tasks; HAProxy's server ids end before that"
        return Quarantined(app.id, reason, n)
    return replace(service, servers=pool)


def tls_fault(service: Service, ask: Ask) -> str:
    """Why the TLS of the service port cannot be had; '' if it can, or is not wanted."""
    labels, n = service.labels, service.index
    words = labels.bind_options.split()
    files = [words[position + 1] for position, word in enumerate(words) if word == "crt"]
    if labels.certificate:
        fault = ask.certificate_fault(labels.certificate)
        if fault:
            return f"HAPROXY_{n}_SSL_CERT: {labels.certificate}: {fault}; its service port stays closed"
    elif "ssl" in words and not files:
        return f"HAPROXY_{n}_BIND_OPTIONS: ssl needs HAPROXY_{n}_SSL_CERT; its service port stays closed"
    for file in files:
        fault = ask.certificate_fault(file)
        if fault:
            return f"HAPROXY_{n}_BIND_OPTIONS: {file}: {fault}; its service port stays closed"
    return ""


def port_fault(service: Service, selection: Selection, ask: Ask) -> str:
    """Why its service port cannot be had on this machine; '' if it can, or it has none of its own."""
    if not service.own_port or not service.port or service.port in HTTP_PORTS:
        return ""
    addresses = [service.labels.bind_address]
    if selection.vips and addresses == ["*"]:
        addresses = [vip.address for vip in selection.vips if vip.serves(service)]
    found = (ask.port_fault(address, service.port) for address in addresses)
    n, fault = service.index, next(filter(None, found), "")
    if not fault:
        return ""
    cure = f"free it, or choose another with HAPROXY_{n}_PORT"
    return f"service port {service.port} of port {n} {fault}: it stays closed; {cure}"


def _fault(n: int, port: int, mode: Mode, labels: ServiceLabels, selection: Selection) -> str:
    """Why a service with these values cannot be served; '' if it can."""
    if mode is Mode.TCP and labels.auth:
        return f"HAPROXY_{n}_AUTH: a password can only be asked for in mode http, but the mode is tcp"
    if mode is Mode.TCP and labels.hosts:
        return f"HAPROXY_{n}_VHOST: a vhost needs mode http, but HAPROXY_{n}_MODE says tcp"
    if PROBE_HOST in labels.vhosts:
        return f"HAPROXY_{n}_VHOST: '{PROBE_HOST}' is the appliance's own"
    return _port_fault(n, port, mode, selection)


def _port_fault(n: int, port: int, mode: Mode, selection: Selection) -> str:
    cure = f"choose another with HAPROXY_{n}_PORT"
    if not 0 <= port < 65536:
        return f"service port {port} of port {n} is not within 1 to 65535; {cure}"
    if port in selection.reserved_ports:
        return f"service port {port} of port {n} is the appliance's own; {cure}"
    if mode is Mode.TCP and port in HTTP_PORTS:
        return f"HAPROXY_{n}_MODE: port {port} serves http for all apps, never tcp; {cure}"
    return ""


def _selected(checks: tuple[HealthCheck, ...], n: int) -> HealthCheck | None:
    """The health check of port `n`: the first that names it, or any port by number."""
    known = (check for check in checks if check.protocol in _CHECKS)
    return next((check for check in known if check.port or check.port_index == n), None)


def _check(check: HealthCheck, mode: Mode) -> Check:
    path = check.path if check.path.startswith("/") else f"/{check.path}"
    return Check(
        kind=_CHECKS[check.protocol] if mode is Mode.HTTP else CheckKind.TCP,
        # As a URL has it: a blank or a line break in a path becomes %20 or %0A, never a word or a line.
        path=quote(path, safe="/?&=;:@%+,!*()~", errors="replace"),
        interval_s=min(max(check.interval_s, 1), _DAY_S),
        timeout_s=min(max(check.timeout_s, 1), _DAY_S),
        fall=min(max(check.max_consecutive_failures, 0), 9999) + 1,
        port=check.port,
    )


def _check_fault(check: Check | None) -> str:
    if check and check.port is not None and not 0 < check.port < 65536:
        return f"the health check's port {check.port} is not within 1 to 65535"
    if check and len(check.path) > _LONGEST_CHECK_PATH:
        return f"the health check's path is longer than {_LONGEST_CHECK_PATH} characters"
    return ""
