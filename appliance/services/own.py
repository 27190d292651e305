"""Services of which somebody wrote a part anew: filled, judged alone, and put where the part belongs.

A service whose routes on :80 and :443 are its owner's leaves the maps. So does every service that shares a
host with it, for whoever comes first there has to come first among all; those keep the built-in parts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Callable

from appliance.haproxy.model import Backend, LoadBalancer, OwnRules, Server
from appliance.haproxy.texts import conditions, with_conditions_renamed
from appliance.services.backends import plain_backend
from appliance.services.grammar import LabelError
from appliance.services.model import Quarantined
from appliance.services.parts import Parts, cleaned_host, has_own_routes, http_parts, https_parts
from appliance.services.routes import HTTP_PORTS, weight

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from appliance.services.model import Ask, Service, Texts
    from appliance.services.routes import Named

SAMPLE_SERVER = Server("192_0_2_1_31000", "192.0.2.1", 31000, 1)
"""Stands for the servers while a text is judged, so that the verdict outlives a moved task."""


_OURS = (
    ("http", "to_probe"),
    *(("https", name) for name in ("same_host", "valid_for_host", "valid_for_sni")),
    *(("app id", name) for name in ("trusted", "allowed")),
)
"""Conditions of our own, by place: nobody else's text adds to them."""


@dataclass(frozen=True)
class Own:
    """What stands in place of our parts of one service."""

    backend: Backend
    rules: OwnRules
    head: str = ""
    glue: str = ""
    app_id: str = ""

    @property
    def has_rules(self) -> bool:
        return bool(self.rules.http or self.rules.https)

    @property
    def says_something(self) -> bool:
        backend = self.backend
        texts = backend.texts or any(server.text for server in backend.servers)
        rules = self.rules != OwnRules(self.rules.backend)
        return bool(texts or rules or self.head or self.glue or self.app_id)


Alone = Callable[[str, "Service", Own], LoadBalancer]


def own_texts(
    named: list[Named], texts: Texts, ask: Ask, alone: Alone
) -> tuple[dict[str, Own], list[Named], list[Quarantined]]:
    """Backend -> its own texts; who is still served; who is not, because a text of his cannot be used."""
    writers = [(name, service) for name, service in named if service.labels.templates or texts.overridden]
    if not writers:
        return {}, named, []
    hostnames = _hostnames(named)
    found: dict[str, Own] = {}
    refused: dict[str, Quarantined] = {}
    for name, service in writers:
        parts = Parts(service, name, hostnames[name], texts)
        try:
            found[name] = _own(parts)
            if service.labels.templates:
                _judge(parts, ask, alone)
        except LabelError as error:
            refused[name] = Quarantined(service.app_id, str(error), service.index)
            found.pop(name, None)
    served = [(name, service) for name, service in named if name not in refused]
    for name, service in _neighbours(served, {name for name, own in found.items() if own.has_rules}):
        own = found.get(name) or Own(plain_backend(name, service), OwnRules(name))
        try:
            rules = Parts(service, name, hostnames[name], texts).routes()
        except LabelError as error:
            refused[name] = Quarantined(service.app_id, str(error), service.index)
            continue
        found[name] = replace(own, rules=rules)
    served = [(name, service) for name, service in served if name not in refused]
    found = _with_names_apart(served, found)
    return {name: own for name, own in found.items() if own.says_something}, served, list(refused.values())


def own_rules(named: list[Named], own: Mapping[str, Own], by_app_id: Collection[str]) -> tuple[OwnRules, ...]:
    """In the order in which they are tried: by weight, then the longest path."""
    writers = [
        (name, service)
        for name, service in named
        if name in own and (own[name].has_rules or name in by_app_id)
    ]
    writers.sort(key=lambda entry: (-weight(entry[1]), -max(map(len, entry[1].labels.paths), default=0)))
    return tuple(
        replace(own[name].rules, app_id=own[name].app_id if name in by_app_id else "") for name, _ in writers
    )


def _own(parts: Parts) -> Own:
    """Raises LabelError."""
    service = parts.service
    written = parts.own
    backend = plain_backend(parts.backend, service)
    routed = has_own_routes(service, parts.texts.overridden)
    if routed and backend.rules and backend.rules.auth and service.port not in HTTP_PORTS:
        asks = any(
            "AUTH" in name and name in written for name, _ in http_parts(service) + https_parts(service)
        )
        backend = replace(backend, rules=replace(backend.rules, own_routes=asks))
    return Own(
        backend=parts.of_backend(backend),
        rules=parts.routes() if routed else OwnRules(parts.backend),
        head=parts.head(),
        glue=parts.glue(),
        app_id=parts.app_id_rule() if "HTTP_FRONTEND_APPID_ACL" in written else "",
    )


def _judge(parts: Parts, ask: Ask, alone: Alone) -> None:
    """Let HAProxy read the service alone. Raises LabelError with its words."""
    sample = replace(SAMPLE_SERVER, cookie="0123456789" if parts.service.labels.sticky else "")
    service = replace(parts.service, servers=(sample,))
    fault = ask.text_fault(alone(parts.backend, service, _own(replace(parts, service=service))))
    if fault:
        names = ", ".join(f"HAPROXY_{service.index}_{name}" for name, _ in service.labels.templates)
        raise LabelError(names, f"HAProxy refuses it: {fault}")


def _with_names_apart(served: list[Named], found: Mapping[str, Own]) -> dict[str, Own]:
    """A name that two give to different conditions is one condition to HAProxy: the later one is renamed."""
    known: dict[tuple[str, str], tuple[str, ...]] = dict.fromkeys(_OURS, ())
    apart = {}
    for name, _ in served:
        if name not in found:
            continue
        own = found[name]

        def renamed(place: str, text: str, backend: str = name) -> str:
            names = {}
            for condition, lines in conditions(text).items():
                if known.setdefault((place, condition), lines) != lines:
                    names[condition] = f"{condition}_{backend}"
            return with_conditions_renamed(text, names) if names else text

        apart[name] = replace(
            own,
            rules=replace(
                own.rules, http=renamed("http", own.rules.http), https=renamed("https", own.rules.https)
            ),
            app_id=renamed("app id", own.app_id),
        )
    return apart


def _hostnames(named: list[Named]) -> dict[str, str]:
    """The names of the conditions: each service has its own, even if its app and vhost are another's, too."""
    taken: set[str] = set()
    found: dict[str, str] = {}
    for name, service in named:
        hostname = cleaned_host(service)
        if hostname in taken:
            hostname = f"{hostname}_{name}"
        taken.add(hostname)
        found[name] = hostname
    return found


def _neighbours(named: list[Named], outside: set[str]) -> list[Named]:
    """Those who are reached through a host of one of `outside`, and so on."""
    by_host: dict[str, list[Named]] = {}
    for name, service in named:
        for host in service.labels.vhosts:
            by_host.setdefault(host, []).append((name, service))
    hosts_of = {name: service.labels.vhosts for name, service in named}
    seen, queue, found = set(outside), sorted(outside), []
    while queue:
        for host in hosts_of.get(queue.pop(), ()):
            for name, service in by_host[host]:
                if name not in seen:
                    seen.add(name)
                    queue.append(name)
                    found.append((name, service))
    return found
