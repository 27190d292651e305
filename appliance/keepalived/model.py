"""What keepalived does on this node, as frozen records."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.keepalived import priority

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.interfaces import Interface
    from appliance.settings import Settings, Vip


@dataclass(frozen=True)
class VrrpInstance:
    """One virtual router that all nodes share, and this node's place in it."""

    name: str
    interface: str
    virtual_router_id: int
    priority: int
    """Base by rank; the track file's number is added to it."""
    advert_interval_s: float
    source: str
    """Of the adverts; empty: keepalived takes the interface's own."""
    peers: tuple[str, ...]
    """Unicast; none: multicast."""
    address: str

    @property
    def prefix(self) -> str:
        """The VIP as an address of its own, in no subnet."""
        return f"{self.address}/{128 if ':' in self.address else 32}"


def instance_name(settings: Settings, vip: Vip) -> str:
    """What keepalived's notices call the instance of `vip`."""
    return "LB" if vip.address == settings.vip.address else f"LB-{vip.address}"


def instances(settings: Settings, present: Sequence[Interface]) -> tuple[VrrpInstance, ...]:
    """One for each VIP, on the interfaces `present`."""
    return tuple(_instance(settings, vip, present) for vip in settings.vips)


def _instance(settings: Settings, vip: Vip, present: Sequence[Interface]) -> VrrpInstance:
    """Unicast where the nodes' addresses are known: IPv4, on their own network."""
    cluster = settings.cluster
    interface = interface_of(settings, vip, present)
    own = home(settings, present) == interface and vip.family == 4
    peers = tuple(peer.address for peer in cluster.peers) if own else ()
    return VrrpInstance(
        name=instance_name(settings, vip),
        interface=interface,
        virtual_router_id=vip.virtual_router_id,
        priority=priority.base(cluster.rank_for(vip)),
        advert_interval_s=vip.advert_interval_s,
        source=cluster.address if own else "",
        peers=peers,
        address=vip.address,
    )


def home(settings: Settings, present: Sequence[Interface]) -> str:
    """The interface with this node's own address; that of the first VIP while no interface has it."""
    own = ipaddress.ip_address(settings.cluster.address)
    found = (it.name for it in present if any(own == address.ip for address in it.addresses))
    return next(found, settings.vip.interface)


def interface_of(settings: Settings, vip: Vip, present: Sequence[Interface]) -> str:
    """The one that is named, else the one with the VIP's subnet, else the node's own."""
    if vip.interface:
        return vip.interface
    wanted = ipaddress.ip_address(vip.address)
    longest = 128 if vip.family == 6 else 32
    found = (
        it.name
        for it in present
        for address in it.addresses
        if address.version == vip.family and address.network.prefixlen < longest and wanted in address.network
    )
    return next(found, home(settings, present))
