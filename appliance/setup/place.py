"""Where the VIP belongs: interface, own address, virtual router id. Pure."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from appliance.setup.model import Finding, Place, fail

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from appliance.interfaces import Interface


def candidates(interfaces: Sequence[Interface], vip: str) -> tuple[Place, ...]:
    """Every interface with a subnet that holds `vip`. The VIP itself, left on one as /32, is no subnet."""
    wanted = ipaddress.IPv4Address(vip)
    return tuple(
        Place(interface.name, str(own.ip), own.network)
        for interface in interfaces
        for own in interface.ipv4
        if own.network.prefixlen < 32 and wanted in own.network
    )


def choose(interfaces: Sequence[Interface], vip: str, interface: str = "") -> Place | Finding:
    """The one place for `vip`, on `interface` if that is named; else what is wrong."""
    places = candidates(interfaces, vip)
    if interface and interface not in {known.name for known in interfaces}:
        return fail(
            "vip-subnet",
            f"there is no interface '{interface}' with an IPv4 address",
            f"there are: {_listed(interfaces)}",
        )
    fitting = [place for place in places if interface in ("", place.interface)]
    if not fitting:
        return fail(
            "vip-subnet",
            f"{vip} lies in no subnet of {interface or 'this machine'}",
            f"choose an address within one of: {_listed(interfaces)}",
        )
    names = sorted({place.interface for place in fitting})
    if len(names) > 1:
        return fail(
            "vip-subnet",
            f"the subnet of {vip} is on several interfaces: {', '.join(names)}",
            "name one by --interface",
        )
    place = fitting[0]
    wanted = ipaddress.IPv4Address(vip)
    if any(wanted == own.ip for known in interfaces for own in known.ipv4 if own.network.prefixlen < 32):
        return fail("vip-subnet", f"{vip} is this machine's own address", "choose a free one as the VIP")
    if wanted in (place.subnet.network_address, place.subnet.broadcast_address):
        return fail(
            "vip-subnet",
            f"{vip} is the network or broadcast address of {place.subnet}",
            "choose a host's address",
        )
    return place


def virtual_router_id(
    vip: str, asked: int | None, used: int | None, taken: Collection[int] = ()
) -> int | Finding:
    """What was asked, else what the nodes use, else the VIP's last octet or the next one that is free."""
    if asked or used:
        return asked or used or 0
    first = int(ipaddress.IPv4Address(vip)) & 255
    numbers = ((first + n - 1) % 255 + 1 if first else n + 1 for n in range(255))
    free = next((number for number in numbers if number not in taken), None)
    if free is None:
        return fail("vrid-free", "all 255 virtual router ids are in use", "use another network for VRRP")
    return free


def _listed(interfaces: Sequence[Interface]) -> str:
    subnets = [
        f"{own.network} ({interface.name})"
        for interface in interfaces
        for own in interface.ipv4
        if own.network.prefixlen < 32
    ]
    return ", ".join(subnets) or "none: no interface has an IPv4 address"
