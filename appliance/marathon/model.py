"""What Marathon runs, as frozen records. Both JSON dialects end in `wire`: past it there is one App."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Port:
    """One port of an app. Its position in `App.ports` is the index n of the HAPROXY_{n}_ labels."""

    service_port: int | None
    """None: the mapping names no service port, so it is no service but keeps its index.
    0: a service without a port of its own; vhosts still reach it."""
    protocol: str = "tcp"
    """tcp, udp, or udp,tcp"""
    task_port: int | None = None
    """Where tasks with own addresses listen, if Marathon has allocated no service port."""


@dataclass(frozen=True)
class HealthCheck:
    """One of Marathon's health checks, defaults filled in."""

    protocol: str
    """HTTP HTTPS TCP COMMAND MESOS_HTTP MESOS_HTTPS MESOS_TCP"""
    path: str
    port_index: int | None
    port: int | None
    interval_s: int
    timeout_s: int
    max_consecutive_failures: int
    grace_period_s: int = 300


@dataclass(frozen=True)
class Endpoint:
    """Where a task listens: `host` may be a name, an IPv4 or an IPv6 address."""

    host: str
    port: int


@dataclass(frozen=True)
class Task:
    """One running instance. `endpoints[n]` belongs to `App.ports[n]`; None where it has none."""

    id: str
    endpoints: tuple[Endpoint | None, ...]
    state: str | None
    """TASK_RUNNING, …; None where the server is too old to say."""
    alive: tuple[bool, ...]
    """Results of Marathon's own checks, one per check that has reported."""
    version: str = ""


@dataclass(frozen=True)
class App:
    id: str
    """Absolute: /group/app"""
    labels: Mapping[str, str]
    ports: tuple[Port, ...]
    health_checks: tuple[HealthCheck, ...]
    tasks: tuple[Task, ...]
    """Sorted by id; Marathon's own order is not stable."""
    version: str = ""
    instances: int = 0
    """How many are wanted."""
    last_scaling_at: str = ""
    """ISO date; '' where the server does not say."""


@dataclass(frozen=True)
class Unreadable:
    """An app or task that was left out, with the JSON path and the reason."""

    app_id: str
    """Empty if even that could not be read."""
    where: str
    """apps['/web'].tasks['web.1'].ports[0]"""
    reason: str
    app_stands: bool = False
    """Only a part of it was left out: one task."""


@dataclass(frozen=True)
class Cluster:
    """One complete answer of Marathon, apps sorted by id."""

    apps: tuple[App, ...] = ()
    unreadable: tuple[Unreadable, ...] = field(default=())


def ip_address(host: str) -> str:
    """The IP address that `host` is, in its shortest spelling; '' if it is a name or anything else."""
    if "%" in host:  # a zone may hold any text and means nothing on another node
        return ""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return ""
