"""The services that HAProxy took last, beside its configuration: a restart of the generator forgets none."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from appliance import files
from appliance.services import saved

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from appliance.services.model import Key, Service

log = logging.getLogger(__name__)
NAME = "last-good.json"


class LastGoodFile:
    """Written by a thread between `start` and `stop`; for its owner alone, since it holds password hashes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[Key, tuple[Service, str]] = {}
        what = "the services that were good last"
        self._newest = files.Newest(path, what, mode=0o600, owner=files.owner_of(path.parent))

    def load(self) -> dict[Key, Service]:
        """A file that is damaged is worth a line in the log, no more."""
        try:
            text = files.read(self._path)
            return saved.parse(text) if text else {}
        except (OSError, ValueError) as error:
            log.warning("%s: the services that were good last cannot be used: %s", self._path, error)
            return {}

    def start(self) -> None:
        self._newest.start()

    def save(self, services: Mapping[Key, Service]) -> None:
        self._newest.put(lambda: self._text(services))

    def stop(self) -> None:
        """What was saved last is on disk when this returns."""
        self._newest.stop()

    def _text(self, services: Mapping[Key, Service]) -> str:
        """A service that is the very same as before costs nothing."""
        known, self._lines = self._lines, {}
        for key, service in sorted(services.items()):
            before = known.get(key)
            line = before[1] if before and before[0] is service else saved.line(service)
            self._lines[key] = service, line
        return saved.dump(one for _, one in self._lines.values())
