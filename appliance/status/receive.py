"""An order that arrives from another node: believed only with the right MAC over a challenge of ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from appliance.errors import ApplianceError
from appliance.status import orders
from appliance.status.tell import SCHEME
from appliance.trust import Order, Trust

if TYPE_CHECKING:
    from appliance.paths import Paths
    from appliance.settings import Settings
    from appliance.status.challenges import Challenges

LARGEST_ORDER = 4096

Answer = tuple[int, dict[str, Any]]


class RefusedError(ApplianceError):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def receive(
    paths: Paths, settings: Settings, challenges: Challenges, *, header: str, body: str, now: float
) -> Answer:
    """HTTP status and answer. Only a peer with our common key learns more than that it was refused."""
    try:
        sender = _signed_by(paths, settings, challenges, header=header, body=body, now=now)
        order = json.loads(body)
        return 200, {"done": orders.carry_out(paths, order if isinstance(order, dict) else {}, sender)}
    except RefusedError as error:
        return error.status, {"error": str(error)}
    except ApplianceError as error:
        return 400, {"error": str(error)}
    except (ValueError, TypeError):
        return 400, {"error": "the order cannot be read"}
    except OSError as error:
        return 500, {"error": f"cannot be written: {error.strerror}"}


def _signed_by(
    paths: Paths, settings: Settings, challenges: Challenges, *, header: str, body: str, now: float
) -> str:
    """Name of the peer that gave the order. Raises RefusedError, UntrustedError."""
    words = header.split()
    if len(words) != 4 or words[0] != SCHEME:
        raise RefusedError(401, "orders come signed, from a node of this cluster")
    _, sender, challenge, mac = words
    if not challenges.spend(challenge, now):
        raise RefusedError(401, "the challenge is not one of ours, was used, or is too old")
    peer = next((node for node in settings.cluster.peers if node.address == sender), None)
    if peer is None:
        raise RefusedError(403, f"{sender} is not in this node's cluster.nodes")
    key = Trust(paths).key(sender)
    if not Order(sender, settings.cluster.address, challenge, body).is_from(key, mac):
        cure = f"'appliance trust {peer.name}' here if it was set up anew, or the same --secret-file on both"
        raise RefusedError(403, f"the signature does not fit what is known of {peer.name}: {cure}")
    return peer.name
