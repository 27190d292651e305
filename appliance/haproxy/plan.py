"""What to do about the difference between what runs and what is wanted, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, TypeVar, Union

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from appliance.haproxy.model import Backend, LoadBalancer

Record = TypeVar("Record")


@dataclass(frozen=True)
class Generation:
    """One configuration: the hash that HAProxy reports, and the records behind it."""

    hash: str
    load_balancer: LoadBalancer | None = None
    """None: written by an earlier run, only its text is known."""


@dataclass(frozen=True)
class NoChange:
    pass


@dataclass(frozen=True)
class Reload:
    reasons: tuple[str, ...]


Plan = Union[NoChange, Reload]


def plan(running: Generation | None, wanted: Generation) -> Plan:
    """Compare by what HAProxy is given; explain by what is served. `running` is None if nothing is known."""
    if running is None:
        return Reload(("nothing of ours runs yet",))
    if running.hash == wanted.hash:
        return NoChange()
    if running.load_balancer is None or wanted.load_balancer is None:
        return Reload(("another configuration runs, from an earlier start",))
    reasons = tuple(differences(running.load_balancer, wanted.load_balancer))
    return Reload(reasons or ("settings, certificates or templates changed",))


def differences(old: LoadBalancer, new: LoadBalancer) -> Iterator[str]:
    """One line for each thing that is new, gone or different, in the words of the configuration."""
    yield from _compare("backend", old.backends, new.backends, lambda backend: backend.name, _backend)
    yield from _compare("route", old.routes, new.routes, lambda route: route.host + route.path)
    yield from _compare("service port", old.frontends, new.frontends, lambda frontend: frontend.name[5:])
    yield from _compare("app id", old.app_routes, new.app_routes, lambda route: route.app_id)
    yield from _compare("own rules of", old.own_rules, new.own_rules, lambda rules: rules.backend)
    yield from _compare("VIP", old.doors, new.doors, lambda door: door.address)
    yield from _compare("TLS of", old.tls, new.tls, lambda tls: tls.host)
    if old.default_http_backends != new.default_http_backends:
        yield "default of :80: changed"
    if old.default_https_backends != new.default_https_backends:
        yield "default of :443: changed"


def _compare(
    kind: str,
    old: Sequence[Record],
    new: Sequence[Record],
    name: Callable[[Record], str],
    change: Callable[[Record, Record], str] = lambda _old, _new: "changed",
) -> Iterator[str]:
    before = {name(record): record for record in old}
    after = {name(record): record for record in new}
    for key in sorted(before.keys() | after.keys()):
        if key not in before:
            yield f"{kind} {key}: new"
        elif key not in after:
            yield f"{kind} {key}: gone"
        elif before[key] != after[key]:
            yield f"{kind} {key}: {change(before[key], after[key])}"


def _backend(old: Backend, new: Backend) -> str:
    if len(old.servers) != len(new.servers):
        return f"{len(old.servers)} -> {len(new.servers)} servers"
    if old.servers != new.servers:
        return "other servers"
    return "other options"
