"""This machine's network interfaces. The only importer of netifaces."""

from __future__ import annotations

import contextlib
import ipaddress
from dataclasses import dataclass
from typing import Union

import netifaces

Address = Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]


@dataclass(frozen=True)
class Interface:
    """An interface and its addresses with their prefixes, IPv4 first."""

    name: str
    addresses: tuple[Address, ...]

    @property
    def ipv4(self) -> tuple[ipaddress.IPv4Interface, ...]:
        return tuple(it for it in self.addresses if isinstance(it, ipaddress.IPv4Interface))


def interfaces() -> tuple[Interface, ...]:
    """All interfaces that carry an address, loopback and link-local addresses left out, by name."""
    found = []
    for name in sorted(netifaces.interfaces()):
        addresses = (*_addresses(name, netifaces.AF_INET), *_addresses(name, netifaces.AF_INET6))
        if not any(it.is_loopback for it in addresses):
            kept = tuple(it for it in addresses if it.version == 4 or not it.is_link_local)
            if kept:
                found.append(Interface(name, kept))
    return tuple(found)


def holds(address: str, interface: str) -> bool:
    """Whether `interface` has `address` now, whatever keepalived says of it. Empty: any but the loopback.

    A former owner has the VIP on the loopback for a while.
    """
    wanted = ipaddress.ip_address(address)
    family = netifaces.AF_INET if wanted.version == 4 else netifaces.AF_INET6
    names = [interface] if interface else [name for name in netifaces.interfaces() if name != "lo"]
    return any(wanted == own.ip for name in names for own in _addresses(name, family))


def _addresses(name: str, family: int) -> tuple[Address, ...]:
    """Those of one family; none of an interface that is not there."""
    found: list[Address] = []
    with contextlib.suppress(ValueError):
        for entry in netifaces.ifaddresses(name).get(family, []):
            address = entry["addr"].partition("%")[0]
            mask = (entry.get("netmask") or entry.get("mask") or "").rpartition("/")[2]
            found.append(ipaddress.ip_interface(f"{address}/{mask}" if mask else address))
    return tuple(found)
