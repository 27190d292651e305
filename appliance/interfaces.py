"""This machine's network interfaces. The only importer of netifaces."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

import netifaces


@dataclass(frozen=True)
class Interface:
    """An interface and its IPv4 addresses with their prefixes."""

    name: str
    addresses: tuple[ipaddress.IPv4Interface, ...]


def interfaces() -> tuple[Interface, ...]:
    """All interfaces that carry an IPv4 address, loopback left out, by name."""
    found = []
    for name in sorted(netifaces.interfaces()):
        entries = netifaces.ifaddresses(name).get(netifaces.AF_INET, [])
        addresses = tuple(
            ipaddress.IPv4Interface(
                f"{entry['addr']}/{entry.get('netmask') or entry.get('mask', '32')}".replace("//", "/")
            )
            for entry in entries
        )
        if addresses and not addresses[0].is_loopback:
            found.append(Interface(name, addresses))
    return tuple(found)


def holds(address: str) -> bool:
    """Whether this machine has `address` on any interface now, whatever keepalived says of it."""
    wanted = ipaddress.IPv4Address(address)
    return any(wanted == own.ip for interface in interfaces() for own in interface.addresses)
