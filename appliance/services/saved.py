"""Services as text and back, so that what was good last outlives the program that knew it.

One JSON object, one service a line, as it was validated. Its checksum covers the lines.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from appliance.haproxy.model import Auth, Check, CheckKind, Mode, Server
from appliance.marathon.model import HealthCheck, Port
from appliance.services.labels import ServiceLabels
from appliance.services.model import Service

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.services.model import Key

SCHEMA = "marathon-ha-appliance/last-good/1"
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode
_MARK = '"services":[\n'


def line(service: Service) -> str:
    """Made of plain values at once: a callback for each record would take three times as long."""
    labels, check = service.labels, service.check
    plain = {
        **vars(service),
        "mode": service.mode.value,
        "labels": {
            **vars(labels),
            "mode": labels.mode.value if labels.mode else None,
            "auth": vars(labels.auth) if labels.auth else None,
        },
        "check": {**vars(check), "kind": check.kind.value} if check else None,
        "servers": [vars(server) for server in service.servers],
        "health_check": vars(service.health_check) if service.health_check else None,
        "app_port": vars(service.app_port) if service.app_port else None,
        "groups": sorted(service.groups),
    }
    return _ENCODE(plain)


def dump(lines: Iterable[str]) -> str:
    text = ",\n".join(lines)
    head = json.dumps({"schema": SCHEMA, "sha256": _digest(text)})
    return f"{head[:-1]}, {_MARK}{text}\n]}}\n"


def parse(text: str) -> dict[Key, Service]:
    """Raises ValueError if it is not as `dump` wrote it."""
    tree = json.loads(text)
    lines = text.partition(_MARK)[2].rpartition("\n]}")[0]
    try:
        if tree["schema"] != SCHEMA or tree["sha256"] != _digest(lines):
            raise ValueError("its checksum or its schema is another one")
        services = list(map(_service, tree["services"]))
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"it lacks what belongs there: {error}") from None
    return {service.key: service for service in services}


def _digest(lines: str) -> str:
    return hashlib.sha256(lines.encode("utf-8", "surrogatepass")).hexdigest()


def _service(entry: dict[str, Any]) -> Service:
    health_check, port, check = entry["health_check"], entry["app_port"], entry["check"]
    return Service(
        **{
            **entry,
            "mode": Mode(entry["mode"]),
            "labels": _labels(entry["labels"]),
            "check": Check(**{**check, "kind": CheckKind(check["kind"])}) if check else None,
            "servers": tuple(Server(**server) for server in entry["servers"]),
            "health_check": HealthCheck(**health_check) if health_check else None,
            "app_port": Port(**port) if port else None,
            "groups": frozenset(entry["groups"]),
        }
    )


def _labels(entry: dict[str, Any]) -> ServiceLabels:
    frozen = {name: _frozen(value) for name, value in entry.items()}
    mode, auth = entry["mode"], entry["auth"]
    return ServiceLabels(
        **{**frozen, "mode": Mode(mode) if mode else None, "auth": Auth(**auth) if auth else None}
    )


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
