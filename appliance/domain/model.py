"""What a name server answers, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.settings import Settings

SYSTEM = "this machine's resolver"


@dataclass(frozen=True)
class Answer:
    """Of one name server, or of this machine's resolver. No address and no problem: there is no such name."""

    source: str
    addresses: tuple[str, ...] = ()
    problem: str = ""
    """Why nobody knows: it timed out, or refused."""
    ttl_s: int | None = None
    """Of the addresses, where a name server told it."""


@dataclass(frozen=True)
class Fault:
    """What an operator should know. `id` is that of the alarm."""

    id: str
    text: str
    cure: str

    def __str__(self) -> str:
        return f"{self.text}; {self.cure}"


@dataclass(frozen=True)
class Target:
    """Where the domain has to lead: to one of `vips`, and to no node of `nodes` (name by address)."""

    domain: str
    vips: tuple[str, ...]
    nodes: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, settings: Settings, domain: str = "") -> Target:
        """`domain` instead of the one in the settings."""
        nodes = tuple((node.address, node.name) for node in settings.cluster.nodes)
        return cls(domain or settings.dns.domain, tuple(vip.address for vip in settings.vips), nodes)
