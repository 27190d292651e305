"""Service ports: 0 becomes the lowest free port; what is named is kept, unique or not. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.lab.marathon.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from appliance.lab.marathon.model import Json

RANGE = range(10000, 20001)


def _ports(document: Mapping[str, Any]) -> tuple[str, list[Json]]:
    """The key that holds the service port, and the entries."""
    if document["networks"][0]["mode"] == "host":
        return "port", list(document.get("portDefinitions", ()))
    return "servicePort", list(document.get("container", {}).get("portMappings", ()))


def service_ports(document: Mapping[str, Any]) -> list[int]:
    key, entries = _ports(document)
    return [int(entry.get(key, 0)) for entry in entries]


def assigned(document: Json, before: Collection[int], taken: Collection[int]) -> Json:
    """`document` with each 0 replaced: first by the app's own ports from `before`, then by free ones.

    `taken` are the service ports of every app. Raises a 500 when the range is used up.
    """
    key, entries = _ports(document)
    named = [int(entry[key]) for entry in entries]
    kept = [port for port in before if port not in named and port in RANGE]
    free = (port for port in RANGE if port not in taken and port not in named and port not in before)
    numbered = []
    for entry, port in zip(entries, named):
        chosen = port or (kept.pop(0) if kept else next(free, 0))
        if not chosen:
            raise RefusedError(
                500, {"message": "No more service ports are available between 10000 and 20000"}
            )
        numbered.append({**entry, key: chosen})
    made = dict(document)
    if key == "port":
        made["portDefinitions"] = numbered
    else:
        made["container"] = {**document["container"], "portMappings": numbered}
    return made
