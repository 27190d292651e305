"""Apps whose tasks keep failing, by what Marathon says of its launch queue. Pure but for `ask`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.marathon.client import Client

QUEUE = "/v2/queue"
FAILURES = "/v2/apps?embed=apps.lastTaskFailure"
_LONGEST = 200


def ask(client: Client, url: str) -> list[str]:
    """A line for each. Raises MarathonError, ValueError."""
    queue = json.loads(client.body(url + QUEUE))
    return list(lines(queue, json.loads(client.body(url + FAILURES)) if queue.get("queue") else {}))


def lines(queue: Mapping[str, Any], apps: Mapping[str, Any]) -> Iterator[str]:
    """Marathon delays the next start of what fails: whoever waits so is failing."""
    failures = {str(app.get("id")): app.get("lastTaskFailure") for app in _items(apps, "apps")}
    for entry in _items(queue, "queue"):
        app, delay = entry.get("app"), entry.get("delay")
        left_s = delay.get("timeLeftSeconds") if isinstance(delay, dict) else None
        if isinstance(app, dict) and isinstance(left_s, (int, float)) and left_s > 0:
            yield f"{app.get('id')} is tried again in {left_s:.0f} s{_last(failures.get(str(app.get('id'))))}"


def _last(failure: object) -> str:
    if not isinstance(failure, dict):
        return ""
    words = " ".join(str(failure.get("message") or "").split())[:_LONGEST]
    return f"; {failure.get('state')} on {failure.get('host')} at {failure.get('timestamp')}: {words}"


def _items(tree: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    items = tree.get(key)
    return [it for it in items if isinstance(it, dict)] if isinstance(items, list) else []
