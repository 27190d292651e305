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
        if addresses and not any(it.is_loopback for it in addresses):
            found.append(Interface(name, addresses))
    return tuple(found)


def holds(address: str, interface: str) -> bool:
    """Whether `interface` has `address` now, whatever keepalived says of it.

    Only that one counts: a former owner has the VIP on the loopback for a while.
    """
    try:
        entries = netifaces.ifaddresses(interface).get(netifaces.AF_INET, [])
    except ValueError:
        return False
    return any(entry["addr"] == address for entry in entries)
