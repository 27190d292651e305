"""appliance.toml as frozen records, validated once. Errors name the file and the key's path."""

from __future__ import annotations

import difflib
import ipaddress
import json
import logging
import re
import sys
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

import cattrs
from cattrs.errors import ClassValidationError, IterableValidationError

from appliance.errors import SettingsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

AGENT_PORT = 9099
"""Where each node's agent answers the operator and the other nodes."""

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
INTERFACE = re.compile(r"[A-Za-z0-9._@:-]{1,15}")
LABEL_PATTERN = re.compile(r"[A-Z0-9_*]+")
VHOST_PATTERN = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")

MAX_NODES = 5
"""The level scheme's bands are 41 apart and hold five ranks of 10."""


@dataclass(frozen=True)
class Vip:
    """The virtual IP address and how VRRP announces it."""

    address: str
    interface: str
    virtual_router_id: int
    advert_interval_s: float = 0.1


@dataclass(frozen=True)
class Node:
    name: str
    address: str


@dataclass(frozen=True)
class Cluster:
    """All nodes that may hold the VIP, this one included. The order is the rank, first preferred."""

    address: str
    nodes: tuple[Node, ...]

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
    """Which apps are served: those whose HAPROXY_GROUP is one of `groups`."""

    groups: tuple[str, ...] = ("external",)
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
    ip_per_task_ports: tuple[int, int] = (10050, 10100)
    """First and last port for tasks with an address of their own and no service port; both 0: none."""


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
class Settings:
    vip: Vip
    cluster: Cluster
    marathon: Marathon
    lb: LoadBalancer = field(default_factory=LoadBalancer)
    policy: Policy = field(default_factory=Policy)


def load(path: Path) -> Settings:
    """Read and check `path`. Raises SettingsError with one line: file, key, what is wrong, what to do."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(
            f"{path}: no such file; this node is not set up: run appliance-setup --vip ADDRESS"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    return parse(text, str(path))


class Current:
    """appliance.toml as it stands now. A broken edit is logged once and keeps the last good settings."""

    def __init__(self, path: Path) -> None:
        """Raises SettingsError if there are no good settings to begin with."""
        self._path = path
        self._seen = self._mark()
        self._settings = load(path)

    def read(self) -> Settings:
        mark = self._mark()
        if mark != self._seen:
            self._seen = mark
            try:
                self._settings = load(self._path)
            except SettingsError as error:
                log.warning("%s; the settings from before stay in use", error)
        return self._settings

    def _mark(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size


def parse(text: str, source: str) -> Settings:
    """Settings in the TOML `text`; `source` names it in errors. Raises SettingsError."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{source}: not valid TOML: {error}") from None
    _refuse_unknown_keys(tree, Settings, source, "")
    try:
        settings = cattrs.Converter().structure(tree, Settings)
    except (ClassValidationError, IterableValidationError) as error:
        raise SettingsError(f"{source}: {'; '.join(_complaints(error))}") from None
    for key, complaint in _faults(settings):
        raise SettingsError(f"{source}: {key}: {complaint}")
    return settings


def render(settings: Settings) -> str:
    """The file that `load` reads back to the same settings."""
    lines = ["# Written by appliance-setup. Edit it, then run appliance-setup again to apply it.", ""]
    for section in fields(settings):
        lines.append(f"[{section.name}]")
        record = getattr(settings, section.name)
        lines += [f"{item.name} = {_toml(getattr(record, item.name))}" for item in fields(record)]
        lines.append("")
    return "\n".join(lines)


def _toml(value: object) -> str:
    if is_dataclass(value):
        return "{ " + ", ".join(f"{f.name} = {_toml(getattr(value, f.name))}" for f in fields(value)) + " }"
    if isinstance(value, tuple):
        items = [_toml(item) for item in value]
        if any(is_dataclass(item) for item in value):
            return "[\n" + "".join(f"    {item},\n" for item in items) + "]"
        return "[" + ", ".join(items) + "]"
    return json.dumps(value)


def _refuse_unknown_keys(tree: object, record: Any, source: str, prefix: str) -> None:
    if not isinstance(tree, dict):
        return
    hints = get_type_hints(record)
    for key, value in tree.items():
        if key not in hints:
            near = difflib.get_close_matches(key, hints, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(hints)}"
            raise SettingsError(f"{source}: unknown key '{prefix}{key}'; {hint}")
        inner = hints[key]
        if is_dataclass(inner):
            _refuse_unknown_keys(value, inner, source, f"{prefix}{key}.")
        elif getattr(inner, "__args__", None) and is_dataclass(inner.__args__[0]) and isinstance(value, list):
            for position, item in enumerate(value):
                _refuse_unknown_keys(item, inner.__args__[0], source, f"{prefix}{key}[{position}].")


def _complaints(error: ClassValidationError | IterableValidationError) -> list[str]:
    return [line.replace(" @ $.", " at ").replace(" @ $", "") for line in cattrs.transform_error(error)]


def _faults(settings: Settings) -> list[tuple[str, str]]:
    """Every rule that types cannot say, as (key, complaint)."""
    vip, cluster = settings.vip, settings.cluster
    addresses = [node.address for node in cluster.nodes]
    faults = [
        (key, f"'{text}' is not an IPv4 address")
        for key, text in [("vip.address", vip.address), ("cluster.address", cluster.address)]
        + [(f"cluster.nodes[{n}].address", text) for n, text in enumerate(addresses)]
        if not _is_ipv4(text)
    ]
    faults += [
        (f"cluster.nodes[{n}].name", f"'{node.name}' is not a name: letters, digits, '.', '_' and '-'")
        for n, node in enumerate(cluster.nodes)
        if not NAME.fullmatch(node.name)
    ]
    if not INTERFACE.fullmatch(vip.interface):
        faults.append(("vip.interface", f"'{vip.interface}' is not the name of a network interface"))
    if not 1 <= vip.virtual_router_id <= 255:
        faults.append(("vip.virtual_router_id", f"{vip.virtual_router_id} is not within 1 to 255"))
    if not 0.05 <= vip.advert_interval_s <= 40:
        faults.append(("vip.advert_interval_s", f"{vip.advert_interval_s} is not within 0.05 to 40 seconds"))
    if not 1 <= len(addresses) <= MAX_NODES:
        faults.append(("cluster.nodes", f"{len(addresses)} nodes; one to {MAX_NODES} can share a VIP"))
    if len(set(addresses)) != len(addresses):
        faults.append(("cluster.nodes", "the same address stands there twice"))
    if cluster.address not in addresses:
        faults.append(("cluster.address", f"{cluster.address} is not among cluster.nodes"))
    if vip.address in addresses:
        faults.append(("vip.address", f"{vip.address} is a node's own address; the VIP has to be a free one"))
    if not settings.marathon.urls:
        faults.append(("marathon.urls", "is empty; name at least one master, http://HOST:8080"))
    faults += [
        ("marathon.urls", f"'{url}' does not start with http://, https:// or zk://")
        for url in settings.marathon.urls
        if not url.startswith(("http://", "https://", "zk://"))
    ]
    return faults + _lb_faults(settings.lb) + _policy_faults(settings.policy)


def _lb_faults(lb: LoadBalancer) -> list[tuple[str, str]]:
    faults = [
        (f"lb.{name}", f"'{path}' is no absolute path")
        for name in ("certificates", "certificate_folders")
        for path in getattr(lb, name)
        if not path.startswith("/")
    ]
    if not 0 <= lb.archive_versions <= 1000:
        faults.append(("lb.archive_versions", f"{lb.archive_versions} is not within 0 to 1000"))
    lowest, highest = lb.ip_per_task_ports
    if lb.ip_per_task_ports != (0, 0) and not 1 <= lowest <= highest <= 65535:
        faults.append(("lb.ip_per_task_ports", f"{lowest} to {highest} is no range of ports, nor 0 and 0"))
    return faults


def _policy_faults(policy: Policy) -> list[tuple[str, str]]:
    faults = [
        (f"policy.{key}", f"'{name}' is no label's name; write it without HAPROXY_{{n}}_, in capitals")
        for key in ("denied_labels", "denied_templates")
        for name in getattr(policy, key)
        if not LABEL_PATTERN.fullmatch(name) or name.startswith("HAPROXY_")
    ]
    if policy.conflicts not in CONFLICT_RULES:
        faults.append(("policy.conflicts", f"'{policy.conflicts}' is none of {', '.join(CONFLICT_RULES)}"))
    for n, owner in enumerate(policy.owners):
        key = f"policy.owners[{n}]"
        if not owner.apps:
            faults.append((f"{key}.apps", 'is empty; name the app ids that may, such as ["/shop/"]'))
        if not owner.vhosts and not owner.ports:
            faults.append((key, "names neither vhosts nor ports"))
        faults += [
            (f"{key}.apps", f"'{app_id}' does not start with /")
            for app_id in owner.apps
            if not app_id.startswith("/")
        ]
        faults += [
            (f"{key}.vhosts", f"'{vhost}' is no host name, nor *. and one")
            for vhost in owner.vhosts
            if not VHOST_PATTERN.fullmatch(vhost)
        ]
        faults += [
            (f"{key}.ports", f"'{text}' is no port, nor a range such as 10000-10099")
            for text in owner.ports
            if port_range(text) is None
        ]
    return faults


def port_range(text: str) -> tuple[int, int] | None:
    """First and last port of `10000` or `10000-10099`; None if it is neither."""
    first, dash, last = text.partition("-")
    if not (first.isdecimal() and (last.isdecimal() or not dash)):
        return None
    lowest, highest = int(first), int(last or first)
    return (lowest, highest) if 0 < lowest <= highest < 65536 else None


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
