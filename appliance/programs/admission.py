"""Whether the other nodes know this one: else neither would hear the other, and both would own the VIP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.status import cluster

if TYPE_CHECKING:
    from appliance.settings import Settings


def refusal(settings: Settings) -> str:
    """Why keepalived shall not start yet; '' if it may. Asks all nodes, for a second at most."""
    if not settings.cluster.peers:
        return ""
    own = settings.cluster.address
    for row in cluster.ask(settings).rows:
        listed = row.facts.get("nodes")
        if row.address != own and isinstance(listed, list) and len(listed) > 1 and own not in listed:
            return f"{row.name} ({row.address}) does not know this node yet: run appliance-setup there"
    return ""
