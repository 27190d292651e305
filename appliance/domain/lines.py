"""The records that lead a domain to the VIP, ready to be copied. Pure."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.domain.model import Target

TTL_S = 300
KINDS = ("zone", "hosts", "dnsmasq", "nsupdate")


def lines(kind: str, target: Target, server: str = "") -> tuple[str, ...]:
    """Of one of KINDS. `server` is the one that nsupdate sends to; '' leaves it to the zone's own."""
    if kind == "nsupdate":
        return nsupdate(target, server)
    return {"zone": zone, "hosts": hosts, "dnsmasq": dnsmasq}[kind](target)


def zone(target: Target) -> tuple[str, ...]:
    """Of a zone file; the names below the domain are the virtual hosts of apps."""
    names = (f"{target.domain}.", f"*.{target.domain}.")
    return tuple(f"{name} {TTL_S} IN {_kind(vip)} {vip}" for name in names for vip in target.vips)


def hosts(target: Target) -> tuple[str, ...]:
    """Of /etc/hosts, which knows no wildcard."""
    return tuple(f"{vip} {target.domain}" for vip in target.vips)


def dnsmasq(target: Target) -> tuple[str, ...]:
    """Of dnsmasq.conf. All names below the domain are meant, too; nobody else is asked for them."""
    return (f"local=/{target.domain}/", *(f"address=/{target.domain}/{vip}" for vip in target.vips))


def nsupdate(target: Target, server: str = "") -> tuple[str, ...]:
    """What `nsupdate` reads. It replaces the domain's addresses and leaves its other records."""
    names = (target.domain, f"*.{target.domain}")
    return (
        *((f"server {server}",) if server else ()),
        *(f"update delete {name}. {kind}" for name in names for kind in ("A", "AAAA")),
        *(f"update add {name}. {TTL_S} {_kind(vip)} {vip}" for name in names for vip in target.vips),
        "send",
    )


def without_dns(target: Target) -> str:
    """Asks the VIP by the domain before any record is there."""
    vip = target.vips[0]
    bracketed = f"[{vip}]" if ":" in vip else vip
    return f"curl --resolve {target.domain}:80:{bracketed} http://{target.domain}/"


def _kind(vip: str) -> str:
    return "AAAA" if ipaddress.ip_address(vip).version == 6 else "A"
