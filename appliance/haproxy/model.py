"""What HAProxy shall serve, as frozen records. Every value is valid for the place where it is rendered."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN_BACKENDS = ("agent", "generator", "generator_signal", "generator_statistics", "no-route")
"""Those that serve no app."""
PROBE_HOST = "probe.marathon-ha-appliance.internal"
PROBE_PATH = "/_marathon_ha_appliance/probe"
"""Asked on :80 from this node only, with PROBE_HOST: answered inside the frontend, seen by no service."""


TLS_KEYWORDS = " ssl verify none"
"""On the line of a server that speaks TLS."""


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

    def keywords(self, port: int | None = None, *, tls: bool = False) -> str:
        """On a server's line; `port` is that server's own. `tls`: the line says 'verify none' already."""
        at = port or self.port
        verify = "" if tls else " verify none"
        tls_check = f" check-ssl{verify}" if self.kind is CheckKind.HTTPS else ""
        return f" check inter {self.interval_s}s fall {self.fall}{f' port {at}' if at else ''}{tls_check}"


def listening(address: str, port: int) -> str:
    """What stands behind `bind`. An address that is not this node's now, such as the VIP, may come later."""
    here_always = address == "*" or address.startswith("127.") or address in ("::", "::1")
    return place(address, port) if here_always else f"{place(address, port)} transparent"


@dataclass(frozen=True)
class Auth:
    """HTTP basic authentication with the one user who may pass."""

    realm: str
    user: str
    password: str
    """In a form of crypt(3)."""


@dataclass(frozen=True)
class Server:
    name: str
    address: str
    """An IP address; IPv6 without brackets."""
    port: int
    id: int
    cookie: str = ""
    """Value of the stickiness cookie; empty: the backend is not sticky."""
    check_port: int | None = None
    """Where this server is checked, if not where the traffic or its backend's check goes."""
    disabled: bool = False
    """Listed, but in maintenance: drained by a deployment."""
    host: str = ""
    """Marathon's name of the machine; '' if it is the address."""
    text: str = ""
    """Its whole line in its owner's words."""

    @property
    def special(self) -> bool:
        """Whether its line is another than its neighbours'."""
        return bool(self.check_port or self.disabled or self.text)

    @property
    def place(self) -> str:
        return place(self.address, self.port)


def place(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@dataclass(frozen=True)
class Backend:
    """The servers of one service. Without servers it answers 503 (tcp: closes)."""

    name: str
    mode: Mode
    balance: str
    servers: tuple[Server, ...]
    check: Check | None = None
    sticky: bool = False
    tls: bool = False
    """Its servers speak TLS; their certificates are not verified."""
    compression: bool = False
    """Of answers whose type gains by it."""
    rules: Rules | None = None
    """None: nothing but forwarding."""
    texts: tuple[tuple[str, str], ...] = ()
    """(part, its lines in its owner's words) that stand in place of ours."""

    @property
    def own(self) -> dict[str, str]:
        return dict(self.texts)


@dataclass(frozen=True)
class Rules:
    """What a backend does to requests and answers besides forwarding them."""

    hosts: tuple[str, ...] = ()
    """The vhosts of the service, wildcards last."""
    auth: Auth | None = None
    own_routes: bool = False
    """Its routes of :80 and :443 ask for the password themselves."""
    hsts: bool = False
    proxypass_path: str = ""
    """Taken off the beginning of the path."""
    revproxy_path: str = ""
    """Replaces a Location of the service's own."""
    redirect_root: str = ""
    """Where a request for / of one of `hosts` is sent."""
    networks: tuple[str, ...] = ()
    """The only sources that may use it; none: all may."""

    @property
    def first_host(self) -> str:
        """The first that is no wildcard; '' if there is none."""
        return next((host for host in self.hosts if not host.startswith("*")), "")


@dataclass(frozen=True)
class Route:
    """Requests for `host` whose path starts with `path`, shared by `backends` as their ready servers.

    Routes are unique by (host, path). Within a host the largest weight wins, then the longest path.
    """

    host: str
    """Lower case, no port, no trailing dot. *.example: all that ends so and is no route's host."""
    path: str
    """'' matches every path."""
    backends: tuple[str, ...]
    redirect_to_https: bool = False
    """On :80 answer 301 to https instead; :443 is not affected."""
    ignore_case: bool = False
    """Of the path. Routes that heed case come first, whatever their length."""
    weight: int = 0


@dataclass(frozen=True)
class Frontend:
    """One service port. `backends` share its traffic in proportion to their ready servers."""

    port: int
    mode: Mode
    backends: tuple[str, ...]
    address: str = "*"
    """An IP address, IPv6 without brackets, or * for all."""
    certificates: tuple[str, ...] = ()
    """PEM files; none: no TLS."""
    options: str = ""
    """More of the bind line."""
    head: str = ""
    """All of the section above its routing, in its owner's words; '' as we write it."""
    glue: tuple[tuple[str, str], ...] = ()
    """(backend, rules in its owner's words) that come before those for the rest."""

    @property
    def rest(self) -> tuple[str, ...]:
        """The backends whose owners wrote no glue."""
        own = {name for name, _ in self.glue}
        return tuple(name for name in self.backends if name not in own)

    @property
    def name(self) -> str:
        return f"port:{self.port}" if self.address == "*" else f"port:{self.port}:{self.address}"

    @property
    def bind(self) -> str:
        """What stands behind `bind`."""
        return self.bind_at(self.address)

    def bind_at(self, address: str) -> str:
        """The same at another address."""
        words = listening(address, self.port).split()
        if self.certificates:
            words += ["ssl", *(f"crt {certificate}" for certificate in self.certificates)]
        return " ".join([*words, self.options] if self.options else words)


@dataclass(frozen=True)
class AppRoute:
    """Requests on :9091 with this X-Marathon-App-Id go to `backend`."""

    app_id: str
    backend: str


@dataclass(frozen=True)
class OwnRules:
    """What one service puts into the frontends that all share, in place of an entry in the maps."""

    backend: str
    hosts: tuple[str, ...] = ()
    http: str = ""
    https: str = ""
    app_id: str = ""


@dataclass(frozen=True)
class VhostTls:
    """What the services of one vhost say about its TLS."""

    host: str
    certificates: tuple[str, ...] = ()
    options: str = ""


@dataclass(frozen=True)
class Door:
    """A VIP with groups of its own: what only that address serves on :80, :443 and :9091."""

    address: str
    routes: tuple[Route, ...] = ()
    default_http_backends: tuple[str, ...] = ()
    default_https_backends: tuple[str, ...] = ()
    own_rules: tuple[OwnRules, ...] = ()
    app_routes: tuple[AppRoute, ...] = ()


@dataclass(frozen=True)
class LoadBalancer:
    """Everything that is served. All tuples are sorted, so equal content compares equal.

    `default_backends` take what no route on :80 (and :443) matched: services whose service port is
    80 (443). With `doors` no address but theirs serves anything on :80 and :443.
    """

    routes: tuple[Route, ...] = ()
    frontends: tuple[Frontend, ...] = ()
    app_routes: tuple[AppRoute, ...] = ()
    backends: tuple[Backend, ...] = ()
    default_http_backends: tuple[str, ...] = ()
    default_https_backends: tuple[str, ...] = ()
    own_rules: tuple[OwnRules, ...] = ()
    """In the order in which they are tried."""
    tls: tuple[VhostTls, ...] = ()
    """Of the vhosts whose services say something about it."""
    doors: tuple[Door, ...] = ()


@dataclass(frozen=True)
class Access:
    """Where :9090 and :9091 listen, and for whom. Networks are single addresses, too."""

    statistics: tuple[str, ...] = ("*:9090",)
    """What stands behind each `bind`."""
    app_ids: tuple[str, ...] = ("*:9091",)
    statistics_networks: tuple[str, ...] = ()
    """Who may read :9090; none: everybody."""
    app_id_networks: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    """The other nodes and administrators: they may read both, and send signals, as this node itself."""


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
    certificate_names: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """SHA-1 of each certificate, as HAProxy tells which one it presented, and the names it is valid for."""
    lua: tuple[str, ...] = ()
    """Files that are loaded at start."""
    files_digest: str = ""
    """Of the contents of certificates and Lua files: their change is another configuration."""
    memory: int | None = None
    """Bytes that this machine, or our part of it, has; None: not known here."""
    threads: int = 0
    """Of each worker; 0: as many as HAProxy chooses, one for each core."""
    log: str = ""
    """Where each connection is logged: what may stand behind the keyword `log`; '': nowhere."""
    options: tuple[str, ...] = ("dontlognull", "redispatch 1")
    """Keywords of `option` for all proxies."""
    bind_http_https: bool = True
    more_addresses: tuple[str, ...] = ()
    """VIPs that `*` does not mean, those of IPv6: bound besides it."""
    user: str = ""
    group: str = ""
    group_https_by_vhost: bool = False
    """Each vhost ends its TLS in a frontend of its own, chosen by the server name that the client sends."""
    access: Access = field(default_factory=Access)
    drop_forwarded_proto: bool = False
    """Of plain requests: X-Forwarded-Proto as the client sent it does not reach a server."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Parts of marathon-lb that the operator wrote: HEAD and the heads of the shared frontends."""
