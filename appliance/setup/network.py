"""Asking the wire: who answers ARP for an address, and who speaks VRRP. Needs root."""

from __future__ import annotations

import contextlib
import ipaddress
import select
import socket
import struct
import time
from dataclasses import dataclass

ETHERTYPE_ARP = 0x0806
ARP_REQUEST, ARP_REPLY = 1, 2
IPPROTO_VRRP = 112
VRRP_GROUP = "224.0.0.18"
BROADCAST = b"\xff" * 6
VRRP_ADVERTISEMENT = 1


@dataclass(frozen=True)
class Advert:
    """One VRRP router heard. `source` is the address it sends from."""

    source: str
    virtual_router_id: int
    priority: int
    addresses: tuple[str, ...]


def owners(interface: str, address: str, *, requests: int = 3, interval_s: float = 0.3) -> tuple[str, ...]:
    """MAC addresses that answer ARP for `address` on `interface`; none for a free one.

    The sender's address is 0.0.0.0 (RFC 5227), so asking disturbs nobody's ARP table. This machine
    never answers itself. Raises OSError.
    """
    wanted = socket.inet_aton(address)
    found = set()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE_ARP)) as wire:
        wire.bind((interface, ETHERTYPE_ARP))
        own = wire.getsockname()[4]
        head = BROADCAST + own + struct.pack("!HHHBBH", ETHERTYPE_ARP, 1, 0x0800, 6, 4, ARP_REQUEST)
        request = head + own + bytes(4) + bytes(6) + wanted
        for _ in range(requests):
            wire.send(request.ljust(60, b"\0"))
            for packet in _packets(wire, interval_s):
                operation, mac, sender = packet[20:22], packet[22:28], packet[28:32]
                if operation == struct.pack("!H", ARP_REPLY) and sender == wanted and mac != own:
                    found.add(mac.hex(":"))
    return tuple(sorted(found))


def adverts(interface: str, listen_s: float) -> tuple[Advert, ...]:
    """VRRP routers heard on `interface` within `listen_s` seconds, the last advert of each."""
    heard: dict[tuple[str, int], Advert] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, IPPROTO_VRRP) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        member = socket.inet_aton(VRRP_GROUP) + bytes(4) + struct.pack("@i", socket.if_nametoindex(interface))
        wire.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        for packet in _packets(wire, listen_s):
            advert = advert_of(packet)
            if advert is not None:
                heard[advert.source, advert.virtual_router_id] = advert
    return tuple(heard[key] for key in sorted(heard))


def advert_of(packet: bytes) -> Advert | None:
    """Read an IP packet of protocol 112; None if it is cut short or no advertisement."""
    header = (packet[0] & 15) * 4 if packet else 0
    body = packet[header:]
    if len(body) < 8 or body[0] & 15 != VRRP_ADVERTISEMENT:
        return None
    listed = body[8 : 8 + 4 * body[3]]
    addresses = tuple(str(ipaddress.IPv4Address(listed[at : at + 4])) for at in range(0, len(listed) - 3, 4))
    return Advert(str(ipaddress.IPv4Address(packet[12:16])), body[1], body[2], addresses)


def _packets(wire: socket.socket, listen_s: float) -> list[bytes]:
    packets = []
    end = time.monotonic() + listen_s
    while (left := end - time.monotonic()) > 0:
        if select.select([wire], [], [], left)[0]:
            with contextlib.suppress(InterruptedError):
                packets.append(wire.recv(2048))
    return packets
