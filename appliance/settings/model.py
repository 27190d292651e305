"""The records of appliance.toml."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

AGENT_PORT = 9099
"""Where each node's agent answers the operator and the other nodes."""

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")

LOCAL, FLOATING = MODES = ("local", "floating")

MAX_NODES = 5
"""The level scheme's bands are 41 apart and hold five ranks of 10."""


@dataclass(frozen=True)
class Vip:
    """A virtual IP address and how VRRP announces it."""

    address: str
    """IPv4, or IPv6 as `ipaddress` writes it."""
    interface: str = ""
    """Empty: the one with the address's subnet."""
    virtual_router_id: int = 0
    """0 in the file: the address's last octet."""
    advert_interval_s: float = 0.1
    groups: tuple[str, ...] = ()
    """Apps of which HAPROXY_GROUP it serves; none: those of `lb.groups`."""
    prefers: tuple[str, ...] = ()
    """Names of nodes in the order in which they shall have it; those not named follow by their rank."""

    @property
    def family(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.address else 4


@dataclass(frozen=True)
class Node:
    name: str
    address: str


KEEP, RELEASE = "keep", "release"


@dataclass(frozen=True)
class Cluster:
    """All nodes that may hold the VIP, this one included. The order is the rank, first preferred."""

    address: str
    nodes: tuple[Node, ...]
    when_none_works: str = KEEP
    """`keep` the VIP where it is, so that clients are answered at once, be it by 503; or `release` it."""

    @property
    def releases(self) -> bool:
        return self.when_none_works == RELEASE

    @property
    def node(self) -> Node:
        return next(node for node in self.nodes if node.address == self.address)

    @property
    def peers(self) -> tuple[Node, ...]:
        """The other nodes; none means: not known, VRRP then speaks multicast."""
        return tuple(node for node in self.nodes if node.address != self.address)

    @property
    def rank(self) -> int:
        """0 is the most preferred. Without known peers every node has rank 0."""
        return self.nodes.index(self.node)

    def preferring(self, vip: Vip) -> tuple[Node, ...]:
        """The nodes in the order of their rank for `vip`. A newcomer is appended: nobody is renumbered."""
        named = {name: place for place, name in enumerate(vip.prefers)}
        return tuple(sorted(self.nodes, key=lambda node: named.get(node.name, len(named))))

    def rank_for(self, vip: Vip) -> int:
        """This node's."""
        return self.preferring(vip).index(self.node)


@dataclass(frozen=True)
class Marathon:
    urls: tuple[str, ...]
    """http://, https:// or zk:// with the path where Marathon's masters are named."""
    credentials_file: str = ""
    ca_cert: str = ""
    """CA certificates to trust instead of the system's; masters that ZooKeeper names then speak https."""
    tls_verify: bool = True


@dataclass(frozen=True)
class LoadBalancer:
    """Where it runs, and which apps it serves: those whose HAPROXY_GROUP is one of `groups`."""

    groups: tuple[str, ...] = ("external",)
    mode: str = LOCAL
    """`local`: one on each node. `floating`: one that Marathon runs as an app, wherever it puts it."""
    strict_mode: bool = False
    """Only services that HAPROXY_{n}_ENABLED switches on."""
    health_check: bool = False
    """Only tasks that Marathon itself finds healthy."""
    bind_http_https: bool = True
    haproxy_map: bool = False
    group_https_by_vhost: bool = False
    certificates: tuple[str, ...] = ()
    """Files and folders for :443; none: /etc/ssl/cert.pem, else a self-signed one."""
    certificate_folders: tuple[str, ...] = ()
    """Where HAPROXY_{n}_SSL_CERT may name files; none: everywhere."""
    compression: bool = False
    """Of what compresses well, unless HAPROXY_{n}_COMPRESSION says otherwise."""
    archive_versions: int = 5
    generations: int = 20
    """Applied configurations that are kept, with what changed and why."""
    threads: int = 0
    """Of HAProxy; 0: one for each core, at most 16."""
    ip_per_task_ports: tuple[int, int] = (10050, 10100)
    """First and last port for tasks with an address of their own and no service port; both 0: none."""
    default_app: str = ""
    """Its first http service takes what no vhost on :80 and :443 matches; /app:1 means its port 1."""
    drop_forwarded_proto: bool = False
    """Of plain requests: what the client itself says in X-Forwarded-Proto does not reach the app."""
    prefer_host_ports: bool = False
    """Reach tasks with an address of their own by the port that is mapped on their host, where one is."""

    @property
    def floating(self) -> bool:
        return self.mode == FLOATING


@dataclass(frozen=True)
class Access:
    """Who reaches what the appliance itself offers. This node and the other nodes always may.

    Networks are such as 10.0.0.0/8, or single addresses.
    """

    statistics_bind: tuple[str, ...] = ("*",)
    """Where :9090 listens: addresses, vip, or * for all."""
    statistics_networks: tuple[str, ...] = ()
    """Who may read :9090; none: everybody."""
    app_id_bind: tuple[str, ...] = ("*",)
    """Where :9091 listens."""
    app_id_networks: tuple[str, ...] = ()
    """Who may use :9091; none: everybody."""
    admin_networks: tuple[str, ...] = ()
    """Who may do more than read, such as send signals by :9090."""


@dataclass(frozen=True)
class Owner:
    """Who may claim virtual hosts and service ports: only apps whose id begins with one of `apps`."""

    apps: tuple[str, ...]
    vhosts: tuple[str, ...] = ()
    """shop.example, or *.shop.example for all names below it."""
    ports: tuple[str, ...] = ()
    """10000, or 10000-10099."""


@dataclass(frozen=True)
class Policy:
    """What apps may ask for. Without it everything, as with marathon-lb."""

    denied_labels: tuple[str, ...] = ()
    """Without HAPROXY_{n}_; * stands for any characters."""
    denied_templates: tuple[str, ...] = ()
    """The same, of labels that replace a template; '*' denies all of them."""
    conflicts: str = "share"
    owners: tuple[Owner, ...] = ()


CONFLICT_RULES = ("share", "first", "reject")


@dataclass(frozen=True)
class Dns:
    """The business domain, which has to lead to the VIP. Nothing is changed in any name server."""

    domain: str = ""
    """shop.example.com; empty: not looked at."""
    servers: tuple[str, ...] = ()
    """Addresses of name servers that are asked besides the system's resolver, such as the zone's own."""


@dataclass(frozen=True)
class Settings:
    vip: Vip
    cluster: Cluster
    marathon: Marathon
    lb: LoadBalancer = field(default_factory=LoadBalancer)
    policy: Policy = field(default_factory=Policy)
    access: Access = field(default_factory=Access)
    dns: Dns = field(default_factory=Dns)
    more_vips: tuple[Vip, ...] = ()
    """Each with a VRRP instance of its own."""

    @property
    def vips(self) -> tuple[Vip, ...]:
        return (self.vip, *self.more_vips)

    @property
    def grouped(self) -> bool:
        """Whether an app answers only on the VIPs of its group."""
        return any(vip.groups for vip in self.vips)

    def groups_of(self, vip: Vip) -> tuple[str, ...]:
        return vip.groups or self.lb.groups
