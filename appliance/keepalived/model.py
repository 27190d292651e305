"""What keepalived does on this node, as one frozen record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.keepalived import priority

if TYPE_CHECKING:
    from appliance.settings import Settings

INSTANCE = "LB"


@dataclass(frozen=True)
class VrrpInstance:
    """One virtual router that all nodes share, and this node's place in it."""

    router: str
    """Name of this node."""
    interface: str
    virtual_router_id: int
    priority: int
    """Base by rank; the track file's number is added to it."""
    advert_interval_s: float
    source: str
    peers: tuple[str, ...]
    """Unicast; none: multicast, and every node has the same base, so VRRP decides by address."""
    address: str


def instance(settings: Settings) -> VrrpInstance:
    """This node's VRRP instance."""
    vip, cluster = settings.vip, settings.cluster
    return VrrpInstance(
        router=cluster.node.name,
        interface=vip.interface,
        virtual_router_id=vip.virtual_router_id,
        priority=priority.base(cluster.rank),
        advert_interval_s=vip.advert_interval_s,
        source=cluster.address,
        peers=tuple(peer.address for peer in cluster.peers),
        address=vip.address,
    )
