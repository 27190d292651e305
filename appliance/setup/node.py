"""Asking a node of the appliance what it says of itself."""

from __future__ import annotations

import http.client
import json
from typing import Any

from appliance.settings import AGENT_PORT

DEADLINE_S = 1.0
LARGEST_ANSWER = 1_000_000


def ask(address: str) -> dict[str, Any]:
    """`/status.json` of the agent at `address`; empty if none answers there."""
    connection = http.client.HTTPConnection(address, AGENT_PORT, timeout=DEADLINE_S)
    try:
        connection.request("GET", "/status.json")
        facts = json.loads(connection.getresponse().read(LARGEST_ANSWER))
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    finally:
        connection.close()
    return facts if isinstance(facts, dict) else {}
