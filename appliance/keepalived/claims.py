"""ARP packets in which another machine says that an address is its own."""

from __future__ import annotations

import socket
import struct

ETHERTYPE_ARP = 0x0806
MOST = 500
"""Packets that one call takes; what is beyond waits, or is dropped by the kernel."""


def parse(packet: bytes, address: bytes, own: bytes) -> str:
    """MAC of the claimant of `address` in an Ethernet frame; '' if it claims nothing, or is `own`."""
    if len(packet) < 42 or packet[14:20] != struct.pack("!HHBB", 1, 0x0800, 6, 4):
        return ""
    mac, sender = packet[22:28], packet[28:32]
    return mac.hex(":") if sender == address and mac != own else ""


class Claims:
    """Listens on `interface`. Raises OSError if that is not there."""

    def __init__(self, interface: str, vip: str) -> None:
        self._address = socket.inet_aton(vip)
        self._wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE_ARP))
        try:
            self._wire.bind((interface, ETHERTYPE_ARP))
            self._own = self._wire.getsockname()[4]
            self._wire.setblocking(False)
        except OSError:
            self._wire.close()
            raise

    def heard(self) -> tuple[str, ...]:
        """MACs that claimed it since the last call."""
        found = set()
        try:
            for _ in range(MOST):
                found.add(parse(self._wire.recv(128), self._address, self._own))
        except OSError:
            pass
        return tuple(sorted(found - {""}))

    def close(self) -> None:
        self._wire.close()
