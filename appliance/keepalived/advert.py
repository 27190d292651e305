"""VRRP adverts of the other nodes, as they arrive: the only witness of why an election went as it did."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

PROTOCOL = 112
GROUP, GROUP6 = "224.0.0.18", "ff02::12"
VERSION = 3
LARGEST = 2048


@dataclass(frozen=True)
class Advert:
    """`priority` 0 says: I give it up now. `at` is on the receiver's clock."""

    source: str
    virtual_router_id: int
    priority: int
    at: float


def parse(packet: bytes, source: str, at: float) -> Advert | None:
    """A packet from `source` as the raw socket gives it: IPv4 with its header, IPv6 without.

    None if it is no VRRPv3 advert.
    """
    body = packet if ":" in source else packet[(packet[0] & 15) * 4 :] if len(packet) >= 20 else b""
    if len(body) < 8 or body[0] != VERSION << 4 | 1:
        return None
    return Advert(source, body[1], body[2], at)


def number(interface: str) -> int:
    """The kernel's for `interface`; another after it went away and came back. Raises OSError."""
    return socket.if_nametoindex(interface)


def listen(interface: str, family: int = 4) -> socket.socket:
    """A non-blocking socket that hears unicast and multicast adverts on `interface`. Raises OSError."""
    index = number(interface)
    heard = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_RAW, PROTOCOL)
    try:
        heard.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        if family == 4:
            member = struct.pack("4s4si", socket.inet_aton(GROUP), bytes(4), index)
            heard.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        else:
            member = socket.inet_pton(socket.AF_INET6, GROUP6) + struct.pack("@I", index)
            heard.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
        heard.setblocking(False)
    except OSError:
        heard.close()
        raise
    return heard


def receive(heard: socket.socket, virtual_router_id: int, at: float) -> list[Advert]:
    """All adverts for our virtual router that wait in the socket, oldest first."""
    adverts: list[Advert] = []
    while True:
        try:
            packet, sender = heard.recvfrom(LARGEST)
        except OSError:
            return adverts
        advert = parse(packet, str(sender[0]).partition("%")[0], at)
        if advert is not None and advert.virtual_router_id == virtual_router_id:
            adverts.append(advert)
