"""What is served for whom, app by app, as one plain object for people and their scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from appliance.services.model import Service, Translation

SCHEMA = "marathon-ha-appliance/apps/1"
NOBODY = "(unreadable)"
"""Stands for an app whose very id cannot be read."""


def listing(
    translation: Translation,
    quarantined: Iterable[tuple[str, str]],
    states: Mapping[tuple[str, str], str],
) -> dict[str, Any]:
    """`quarantined`: app id and reason; `states`: HAProxy's word by backend and server, '' if not known."""
    apps: dict[str, dict[str, Any]] = {}

    def app(app_id: str) -> dict[str, Any]:
        name = app_id or NOBODY
        return apps.setdefault(name, {"id": name, "services": [], "quarantined": [], "notices": []})

    present = {backend.name for backend in translation.load_balancer.backends}
    for backend, service in translation.services:
        if backend in present:
            kept = service.key in translation.kept
            app(service.app_id)["services"].append(_service(backend, service, states, kept=kept))
    for app_id, reason in quarantined:
        app(app_id)["quarantined"].append(reason)
    general = []
    for notice in translation.notices:
        owner, colon, _ = notice.partition(": ")
        if colon and owner in apps:
            apps[owner]["notices"].append(notice.removeprefix(f"{owner}: "))
        else:
            general.append(notice)
    return {"schema": SCHEMA, "apps": [apps[app_id] for app_id in sorted(apps)], "notices": general}


def _service(
    backend: str, service: Service, states: Mapping[tuple[str, str], str], *, kept: bool
) -> dict[str, Any]:
    labels = service.labels
    return {
        "index": service.index,
        "backend": backend,
        "mode": service.mode.value,
        "port": service.port,
        "port_open": service.own_port and bool(service.port),
        "vhosts": list(labels.hosts),
        "paths": list(labels.paths),
        "last_good": kept,
        "servers": [
            {
                "name": server.name,
                "address": server.address,
                "port": server.port,
                "state": states.get((backend, server.name), ""),
            }
            for server in service.servers
        ],
    }
