"""Apps with their services and servers as the page lists them: troubled ones first. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from appliance.status.page.picture import Served

    States = Mapping[tuple[str, str], str]

_KINDS = (("UP", "good"), ("no check", "good"), ("DRAIN", "calm"), ("MAINT", "calm"), ("DOWN", "bad"))
FIRST_SERVERS = 4
"""Of a service in the list; all stand on the app's own page."""


@dataclass(frozen=True)
class ServerLine:
    name: str
    address: str
    state: str
    """HAProxy's word."""
    kind: str
    """good, calm or bad; '' if HAProxy says nothing of it."""


@dataclass(frozen=True)
class ServiceLine:
    backend: str
    mode: str
    routes: tuple[str, ...]
    """Virtual hosts with their paths, and the port of its own."""
    last_good: bool
    servers: tuple[ServerLine, ...]
    rates: tuple[float, ...]
    """Requests per second, the newest last; empty if there were none."""

    @property
    def up(self) -> int:
        return sum(server.kind == "good" for server in self.servers)


@dataclass(frozen=True)
class AppLine:
    id: str
    services: tuple[ServiceLine, ...]
    quarantined: tuple[str, ...]
    notices: tuple[str, ...]


def app_line(app: Mapping[str, Any], served: Served) -> AppLine:
    return AppLine(
        str(app["id"]),
        tuple(_service(service, served) for service in app["services"]),
        tuple(map(str, app["quarantined"])),
        tuple(map(str, app["notices"])),
    )


QUARANTINED, SHORT, FINE = range(3)


def trouble(app: Mapping[str, Any], states: States) -> int:
    """QUARANTINED: not as it asks; SHORT: some server of it does not work; else FINE."""
    if app["quarantined"]:
        return QUARANTINED
    works = all(
        _kind(states.get((service["backend"], server["name"]), server["state"])) == "good"
        for service in app["services"]
        for server in service["servers"]
    )
    return FINE if works else SHORT


def troubled_first(apps: Iterable[Mapping[str, Any]], states: States) -> list[Mapping[str, Any]]:
    return sorted(apps, key=lambda app: (trouble(app, states), app["id"]))


def matching(apps: Iterable[Mapping[str, Any]], words: str) -> list[Mapping[str, Any]]:
    """Those whose id, backend or virtual host holds each of `words`."""
    wanted = words.casefold().split()
    return [app for app in apps if all(word in _searched(app) for word in wanted)]


def _searched(app: Mapping[str, Any]) -> str:
    found = [app["id"]]
    for service in app["services"]:
        found += [service["backend"], *service["vhosts"]]
    return " ".join(map(str, found)).casefold()


def _service(service: Mapping[str, Any], served: Served) -> ServiceLine:
    backend = str(service["backend"])
    return ServiceLine(
        backend,
        str(service["mode"]),
        _routes(service),
        bool(service["last_good"]),
        tuple(_server(backend, server, served) for server in service["servers"]),
        served.rates.backends.get(backend, ()) if served.rates else (),
    )


def _routes(service: Mapping[str, Any]) -> tuple[str, ...]:
    paths: Sequence[str] = service["paths"] or ("",)
    hosts = [f"{host}{path}" for host in service["vhosts"] for path in paths]
    return (*hosts, *([f":{service['port']}"] if service["port_open"] else []))


def _server(backend: str, server: Mapping[str, Any], served: Served) -> ServerLine:
    name, host = str(server["name"]), str(server["address"])
    state = served.states.get((backend, name), str(server["state"]))
    address = f"[{host}]:{server['port']}" if ":" in host else f"{host}:{server['port']}"
    return ServerLine(name, address, state or "not known", _kind(state))


def _kind(state: str) -> str:
    return next((kind for word, kind in _KINDS if state.startswith(word)), "")
