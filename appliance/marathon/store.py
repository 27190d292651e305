"""The last good picture on disk: names, health and identity over our own restart, with Marathon away.

One JSON object, one app a line. Its checksum covers the lines of the apps.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance import files
from appliance.marathon.model import App, Cluster, Endpoint, HealthCheck, Port, Task

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

log = logging.getLogger(__name__)
SCHEMA = "marathon-ha-appliance/picture/1"
SHORTEST_S = 1.0
SHARE = 50
"""Writing takes at most this part of the time: a large cluster is written less often."""
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
        self._newest: Saved | None = None
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="picture-store", daemon=True)

    def load(self) -> Saved | None:
        return load(self._path)

    def start(self) -> None:
        self._thread.start()

    def save(self, saved: Saved) -> None:
        with self._changed:
            self._newest = saved
            self._changed.notify()

    def stop(self) -> None:
        """What was saved last is on disk when this returns."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        complaint = ""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest or self._stopped)
                saved, self._newest = self._newest, None
            if saved is None:
                return
            began = time.monotonic()
            try:
                files.replace(self._path, dump(saved))
                complaint = ""
            except OSError as error:
                if str(error) != complaint:
                    log.warning("%s: the picture of Marathon's apps cannot be saved: %s", self._path, error)
                complaint = str(error)
            pause_s = max(SHORTEST_S, SHARE * (time.monotonic() - began))
            with self._changed:
                self._changed.wait_for(lambda: self._stopped, timeout=pause_s)


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
