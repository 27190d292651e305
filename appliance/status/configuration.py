"""What this node's HAProxy is given, as a hash that nodes can compare."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_SECTION = re.compile(r"^(?=\S)", re.MULTILINE)
_OF_THE_MACHINE = ("global", "listen stats", "#")
"""Limits by memory, addresses of this node and its peers."""


def common(text: str) -> str:
    """Hash of the sections that do not speak of one machine."""
    shared = (it for it in _SECTION.split(text) if it.strip() and not it.startswith(_OF_THE_MACHINE))
    return hashlib.sha256("".join(shared).encode()).hexdigest()[:16]


class Configuration:
    """Read again only when the file was replaced. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._hash = ""

    def facts(self) -> dict[str, Any]:
        """Its `hash`, '' if there is no file, and for how long it has been this one."""
        with self._lock:
            try:
                status = self._path.stat()
                seen = (status.st_mtime_ns, status.st_size)
                if seen != self._seen:
                    self._hash = common(self._path.read_text(encoding="utf-8", errors="replace"))
                    self._seen = seen
            except OSError:
                return {"hash": "", "age_s": None}
            return {"hash": self._hash, "age_s": round(max(time.time() - status.st_mtime, 0.0), 3)}
