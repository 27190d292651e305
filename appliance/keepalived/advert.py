"""VRRP adverts of the other nodes, as they arrive: the only witness of why an election went as it did."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

PROTOCOL = 112
GROUP = "224.0.0.18"
VERSION = 3
LARGEST = 2048


@dataclass(frozen=True)
class Advert:
    """`priority` 0 says: I give it up now. `at` is on the receiver's clock."""

    source: str
    virtual_router_id: int
    priority: int
    at: float


def parse(packet: bytes, at: float) -> Advert | None:
    """An IPv4 packet as the raw socket gives it; None if it is no VRRPv3 advert."""
    if len(packet) < 20:
        return None
    body = packet[(packet[0] & 15) * 4 :]
    if len(body) < 8 or body[0] != VERSION << 4 | 1:
        return None
    return Advert(socket.inet_ntoa(packet[12:16]), body[1], body[2], at)


def listen(interface: str) -> socket.socket:
    """A non-blocking socket that hears unicast and multicast adverts on `interface`. Raises OSError."""
    heard = socket.socket(socket.AF_INET, socket.SOCK_RAW, PROTOCOL)
    try:
        heard.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        member = struct.pack("4s4si", socket.inet_aton(GROUP), bytes(4), socket.if_nametoindex(interface))
        heard.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
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
            advert = parse(heard.recv(LARGEST), at)
        except OSError:
            return adverts
        if advert is not None and advert.virtual_router_id == virtual_router_id:
            adverts.append(advert)
