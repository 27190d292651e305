"""HAPROXY_ labels: text that anybody may have written, to values that are safe wherever they are rendered.

Each label has its own grammar. A value outside of it is a LabelError naming the label and what to write
instead; an empty value is the same as no label; unknown labels are ignored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable

from appliance.haproxy.catalogue import LABEL_TEMPLATES
from appliance.services import grammar
from appliance.services.grammar import LabelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.haproxy.model import Auth, Mode

__all__ = ["LabelError", "ServiceLabels", "by_index", "enabled", "groups", "service_labels"]

_BY_INDEX = re.compile(r"HAPROXY_(0|[1-9][0-9]{0,4})_([A-Z0-9_]+)")
_HTTP_BALANCE = ("hdr(", "url_param ", "uri")


@dataclass(frozen=True)
class ServiceLabels:
    """What the labels of one service port say; None or empty where they say nothing."""

    vhosts: tuple[str, ...] = ()
    """Lower case, without a trailing dot."""
    wildcards: tuple[str, ...] = ()
    """*.example: whatever ends with .example and is no other vhost."""
    paths: tuple[str, ...] = ()
    """Prefixes; lower case if `ignore_case`."""
    ignore_case: bool = False
    port: int | None = None
    mode: Mode | None = None
    balance: str = "roundrobin"
    sticky: bool = False
    redirect_to_https: bool = False
    auth: Auth | None = None
    hsts: bool = False
    certificate: str = ""
    bind_address: str = "*"
    bind_options: str = ""
    proxypass_path: str = ""
    revproxy_path: str = ""
    redirect_root: str = ""
    """Where a request for exactly / is sent."""
    weight: int | None = None
    networks: tuple[str, ...] = ()
    check_port_index: int | None = None
    compression: bool | None = None
    server_tls: bool = False
    templates: tuple[tuple[str, str], ...] = ()
    """(name, text) of the parts that this service replaces, sorted."""

    @property
    def balance_needs_http(self) -> bool:
        return self.balance.startswith(_HTTP_BALANCE)

    @property
    def hosts(self) -> tuple[str, ...]:
        return self.vhosts + self.wildcards


def by_index(labels: Mapping[str, str]) -> dict[int, dict[str, str]]:
    """The labels HAPROXY_{n}_X as n -> X -> value."""
    found: dict[int, dict[str, str]] = {}
    for name, value in labels.items():
        match = _BY_INDEX.fullmatch(name)
        if match:
            found.setdefault(int(match[1]), {})[match[2]] = value
    return found


def groups(labels: Mapping[str, str], n: int) -> frozenset[str]:
    """The groups of service `n`. Raises LabelError."""
    name = f"HAPROXY_{n}_GROUP" if labels.get(f"HAPROXY_{n}_GROUP") else "HAPROXY_GROUP"
    value = grammar.clean(name, labels.get(name, ""))
    return frozenset(group.strip() for group in value.split(",") if group.strip())


def enabled(own: Mapping[str, str], default: bool) -> bool:
    return grammar.boolean(own["ENABLED"]) if own.get("ENABLED") else default


def service_labels(own: Mapping[str, str], n: int) -> ServiceLabels:
    """What the labels `own` (X -> value) of service `n` say. Raises LabelError."""
    fields: dict[str, Any] = {}
    templates = []
    for key in sorted(own):
        value = own[key]
        if value and key in _FIELDS:
            label = f"HAPROXY_{n}_{key}"
            fields.update(_FIELDS[key](label, grammar.clean(label, value)))
        elif value and key in LABEL_TEMPLATES:
            templates.append((key, grammar.template(f"HAPROXY_{n}_{key}", value)))
    return ServiceLabels(**fields, templates=tuple(templates))


def _vhost(label: str, value: str) -> dict[str, Any]:
    vhosts, wildcards = grammar.vhosts(label, value)
    return {"vhosts": vhosts, "wildcards": wildcards}


def _path(label: str, value: str) -> dict[str, Any]:
    paths, ignore_case = grammar.paths(label, value)
    return {"paths": paths, "ignore_case": ignore_case}


def _one(field: str, read: Callable[[str, str], Any]) -> Callable[[str, str], dict[str, Any]]:
    return lambda label, value: {field: read(label, value)}


def _flag(field: str) -> Callable[[str, str], dict[str, Any]]:
    return lambda _, value: {field: grammar.boolean(value)}


_FIELDS: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "VHOST": _vhost,
    "PATH": _path,
    "PORT": _one("port", grammar.port),
    "MODE": _one("mode", grammar.mode),
    "BALANCE": _one("balance", grammar.balance),
    "STICKY": _flag("sticky"),
    "REDIRECT_TO_HTTPS": _flag("redirect_to_https"),
    "AUTH": _one("auth", grammar.auth),
    "USE_HSTS": _flag("hsts"),
    "COMPRESSION": _flag("compression"),
    "SERVER_TLS": _flag("server_tls"),
    "SSL_CERT": _one("certificate", grammar.file),
    "BIND_ADDR": _one("bind_address", grammar.bind_address),
    "BIND_OPTIONS": _one("bind_options", grammar.bind_options),
    "HTTP_BACKEND_PROXYPASS_PATH": _one("proxypass_path", grammar.path),
    "HTTP_BACKEND_REVPROXY_PATH": _one("revproxy_path", grammar.path),
    "HTTP_BACKEND_REDIR": _one("redirect_root", grammar.location),
    "BACKEND_WEIGHT": _one("weight", lambda label, value: grammar.whole(label, value, signed=True)),
    "BACKEND_NETWORK_ALLOWED_ACL": _one("networks", grammar.networks),
    "BACKEND_HEALTHCHECK_PORT_INDEX": _one("check_port_index", grammar.whole),
}
