"""The last good picture on disk: names, health and identity over our own restart, with Marathon away.

One JSON object, one app a line. Its checksum covers the lines of the apps.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance import files
from appliance.marathon.model import App, Cluster, Endpoint, HealthCheck, Port, Task

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

log = logging.getLogger(__name__)
SCHEMA = "marathon-ha-appliance/picture/1"
_MARK = '"apps":[\n'


@dataclass(frozen=True)
class Saved:
    """What Marathon ran at `at` (unix seconds)."""

    cluster: Cluster
    at: float
    framework_id: str = ""


def dump(saved: Saved) -> str:
    lines = ",\n".join(
        json.dumps(app, default=vars, separators=(",", ":"), sort_keys=True) for app in saved.cluster.apps
    )
    head = {"schema": SCHEMA, "at": saved.at, "framework_id": saved.framework_id, "sha256": _digest(lines)}
    return f"{json.dumps(head)[:-1]}, {_MARK}{lines}\n]}}\n"


def parse(text: str) -> Saved:
    """Raises ValueError if it is not as `dump` wrote it."""
    tree = json.loads(text)
    lines = text.partition(_MARK)[2].rpartition("\n]}")[0]
    try:
        if tree["schema"] != SCHEMA or tree["sha256"] != _digest(lines):
            raise ValueError("its checksum or its schema is another one")
        return Saved(Cluster(tuple(map(_app, tree["apps"]))), float(tree["at"]), str(tree["framework_id"]))
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"it lacks what belongs there: {error}") from None


def load(path: Path) -> Saved | None:
    """What was saved last. A file that is damaged is worth a line in the log, no more."""
    try:
        text = files.read(path)
        return None if text is None else parse(text)
    except (OSError, ValueError) as error:
        log.warning("%s: the last known picture of Marathon's apps cannot be used: %s", path, error)
        return None


class Store:
    """Writes the newest picture in a thread of its own: neither events nor HAProxy wait for the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._newest = files.Newest(path, "the picture of Marathon's apps")

    def load(self) -> Saved | None:
        return load(self._path)

    def start(self) -> None:
        self._newest.start()

    def save(self, saved: Saved) -> None:
        self._newest.put(lambda: dump(saved))

    def stop(self) -> None:
        """What was saved last is on disk when this returns."""
        self._newest.stop()


def _digest(lines: str) -> str:
    return hashlib.sha256(lines.encode("utf-8", "surrogatepass")).hexdigest()


def _app(entry: Mapping[str, Any]) -> App:
    return App(
        **{
            **entry,
            "ports": tuple(Port(**port) for port in entry["ports"]),
            "health_checks": tuple(HealthCheck(**check) for check in entry["health_checks"]),
            "tasks": tuple(map(_task, entry["tasks"])),
        }
    )


def _task(entry: Mapping[str, Any]) -> Task:
    endpoints = tuple(Endpoint(**one) if one else None for one in entry["endpoints"])
    return Task(**{**entry, "endpoints": endpoints, "alive": tuple(entry["alive"])})
