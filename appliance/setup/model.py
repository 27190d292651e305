"""What setup was asked, what it found, and what it says about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ipaddress

    from appliance.settings import Node


class Level(Enum):
    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Finding:
    """One preflight check's result. `id` is stable: documents and `--ignore` lists may name it."""

    id: str
    level: Level
    text: str
    cure: str = ""
    exit_code: int = 1
    """What setup ends with when this is its first FAIL."""

    def __str__(self) -> str:
        return f"{self.level.value} {self.id}: {self.text}" + (f"; {self.cure}" if self.cure else "")


def ok(identity: str, text: str) -> Finding:
    return Finding(identity, Level.OK, text)


def warn(identity: str, text: str, cure: str = "") -> Finding:
    return Finding(identity, Level.WARN, text, cure)


def fail(identity: str, text: str, cure: str, exit_code: int = 1) -> Finding:
    return Finding(identity, Level.FAIL, text, cure, exit_code)


@dataclass(frozen=True)
class Asked:
    """The command line. Empty means: not said, so found out or kept as it is."""

    vip: str
    interface: str = ""
    peers: tuple[Node, ...] = ()
    marathon: tuple[str, ...] = ()
    marathon_ca_cert: str = ""
    mesos: str = ""
    groups: tuple[str, ...] = ()
    virtual_router_id: int | None = None
    mode: str = ""
    cluster_secret: str = ""
    domain: str = ""
    dns_servers: tuple[str, ...] = ()
    discover_peers: bool = True
    """False when an existing appliance.toml is applied as it stands."""


@dataclass(frozen=True)
class Place:
    """Where on this machine the VIP belongs."""

    interface: str
    address: str
    """This node's own address in the VIP's subnet."""
    subnet: ipaddress.IPv4Network


@dataclass(frozen=True)
class Masters:
    """Marathon's masters, the one that answered first."""

    urls: tuple[str, ...]
    finding: Finding


@dataclass(frozen=True)
class Agents:
    """The Mesos agents in the VIP's subnet, this node included if it is one."""

    nodes: tuple[Node, ...]
    finding: Finding
