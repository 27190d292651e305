"""Giving another node an order: a challenge is fetched, the order goes back with a MAC over both."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

from appliance.errors import ApplianceError
from appliance.settings import AGENT_PORT
from appliance.trust import Order, Trust

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.paths import Paths
    from appliance.settings import Node

DEADLINE_S = 3.0
LARGEST_ANSWER = 10_000
SCHEME = "MHA1"


def tell(paths: Paths, sender: str, node: Node, order: Mapping[str, Any], *, port: int = AGENT_PORT) -> str:
    """What `node` did, in its words. Raises ApplianceError with what it said against it, or why it is silent.

    `sender` is this node's address in cluster.nodes.
    """
    key = Trust(paths).key(node.address)
    try:
        challenge = _ask(node.address, port, "/challenge").get("challenge", "")
        signed = Order(sender, node.address, str(challenge), json.dumps(order))
        header = f"{SCHEME} {sender} {challenge} {signed.mac(key)}"
        answer = _ask(node.address, port, "/orders", signed.body, header)
    except OSError as error:
        raise ApplianceError(f"{node.name} does not answer: {error.strerror or error}") from None
    except (http.client.HTTPException, ValueError):
        raise ApplianceError(f"{node.name}: something else than our agent answers there") from None
    if "error" in answer:
        raise ApplianceError(f"{node.name} refuses: {answer['error']}")
    return str(answer.get("done", ""))


def _ask(address: str, port: int, path: str, body: str = "", header: str = "") -> dict[str, Any]:
    connection = http.client.HTTPConnection(address, port, timeout=DEADLINE_S)
    try:
        if body:
            connection.request("POST", path, body, {"Authorization": header})
        else:
            connection.request("GET", path)
        answer = json.loads(connection.getresponse().read(LARGEST_ANSWER))
    finally:
        connection.close()
    return answer if isinstance(answer, dict) else {"error": "its answer is no JSON object"}
