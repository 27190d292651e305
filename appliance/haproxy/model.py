"""What HAProxy shall serve, as frozen records. Every value is valid for the place where it is rendered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

PROBE_HOST = "probe.marathon-ha-appliance.internal"
PROBE_PATH = "/_marathon_ha_appliance/probe"
"""Asked on :80 from this node only, with PROBE_HOST: answered inside the frontend, seen by no service."""


class Mode(Enum):
    HTTP = "http"
    TCP = "tcp"


class CheckKind(Enum):
    TCP = "tcp"
    HTTP = "http"
    HTTPS = "https"


@dataclass(frozen=True)
class Check:
    """HAProxy's own health check of each server of a backend."""

    kind: CheckKind
    path: str
    interval_s: int
    timeout_s: int
    fall: int
    port: int | None = None
    """None: the port that the traffic goes to."""


@dataclass(frozen=True)
class Server:
    name: str
    address: str
    """An IP address; IPv6 without brackets."""
    port: int
    id: int
    cookie: str = ""
    """Value of the stickiness cookie; empty: the backend is not sticky."""


@dataclass(frozen=True)
class Backend:
    """The servers of one service. Without servers it answers 503 (tcp: closes)."""

    name: str
    mode: Mode
    balance: str
    servers: tuple[Server, ...]
    check: Check | None = None
    sticky: bool = False


@dataclass(frozen=True)
class Route:
    """Requests for `host` whose path starts with `path`, shared by `backends` as their ready servers.

    Routes are unique by (host, path). Within a host the longest path wins.
    """

    host: str
    """Lower case, no port, no trailing dot."""
    path: str
    """'' matches every path."""
    backends: tuple[str, ...]
    redirect_to_https: bool = False
    """On :80 answer 301 to https instead; :443 is not affected."""
    ignore_case: bool = False
    """Of the path. Routes that heed case come first, whatever their length."""


@dataclass(frozen=True)
class Frontend:
    """One service port. `backends` share its traffic in proportion to their ready servers."""

    port: int
    mode: Mode
    backends: tuple[str, ...]


@dataclass(frozen=True)
class AppRoute:
    """Requests on :9091 with this X-Marathon-App-Id go to `backend`."""

    app_id: str
    backend: str


@dataclass(frozen=True)
class LoadBalancer:
    """Everything that is served. All tuples are sorted, so equal content compares equal.

    `default_backends` take what no route on :80 (and :443) matched: services whose service port is
    80 (443).
    """

    routes: tuple[Route, ...] = ()
    frontends: tuple[Frontend, ...] = ()
    app_routes: tuple[AppRoute, ...] = ()
    backends: tuple[Backend, ...] = ()
    default_http_backends: tuple[str, ...] = ()
    default_https_backends: tuple[str, ...] = ()


@dataclass(frozen=True)
class Process:
    """How one HAProxy runs: its files, its sockets, as whom, within which limit.

    All paths are absolute, and free of blanks and quotes.
    """

    folder: str
    """Holds the configuration, the maps and certificates of our own."""
    socket: str
    """Its runtime API. At most `paths.UNIX_SOCKET_LIMIT` bytes, as `generator_socket`."""
    generator_socket: str
    """Where the generator answers for :9090."""
    file_descriptors: int | None = None
    """What the kernel lets HAProxy open at once; None: not known here, HAProxy finds its own maxconn."""
    certificates: tuple[str, ...] = ()
    """PEM files for :443, each with its key; none: nothing listens there."""
    lua: tuple[str, ...] = ()
    """Files that are loaded at start."""
    files_digest: str = ""
    """Of the contents of certificates and Lua files: their change is another configuration."""
    log: str = ""
    """Where each connection is logged: what may stand behind the keyword `log`; '': nowhere."""
    options: tuple[str, ...] = ("dontlognull", "redispatch 1")
    """Keywords of `option` for all proxies."""
    bind_http_https: bool = True
    user: str = ""
    group: str = ""
