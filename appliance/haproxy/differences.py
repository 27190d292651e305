"""What is new, gone or different between two load balancers, in the words of the configuration. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Callable, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from appliance.haproxy.model import Backend, LoadBalancer

Record = TypeVar("Record")


def differences(old: LoadBalancer, new: LoadBalancer) -> Iterator[str]:
    """One line for each thing that is new, gone or different."""
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


def pools_alone(old: LoadBalancer, new: LoadBalancer) -> tuple[str, ...] | None:
    """The backends that differ in their servers, if nothing else differs; else None."""
    if len(old.backends) != len(new.backends) or not _same_but_backends(old, new):
        return None
    changed = []
    for before, after in zip(old.backends, new.backends):
        if before is after or before == after:
            continue
        if not same_but_servers(before, after):
            return None
        changed.append(after.name)
    return tuple(changed)


def same_but_servers(one: Backend, other: Backend) -> bool:
    return replace(one, servers=other.servers) == other


def meanwhile(old: LoadBalancer, new: LoadBalancer, but: frozenset[str]) -> LoadBalancer:
    """`old` with what of `new` needs no reload: other servers of the same backends, except of `but`."""
    wanted = {backend.name: backend for backend in new.backends}

    def now(backend: Backend) -> Backend:
        after = wanted.get(backend.name, backend)
        fits = backend.name not in but and after is not backend and same_but_servers(backend, after)
        return after if fits else backend

    return replace(old, backends=tuple(map(now, old.backends)))


def _same_but_backends(old: LoadBalancer, new: LoadBalancer) -> bool:
    return all(
        getattr(old, name) == getattr(new, name)
        for name in (
            "routes",
            "frontends",
            "app_routes",
            "default_http_backends",
            "default_https_backends",
            "own_rules",
            "tls",
            "doors",
        )
    )


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
