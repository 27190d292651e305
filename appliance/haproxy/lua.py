"""The operator's Lua files: those that load by themselves, and a notice for each that does not."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from appliance.haproxy import certificates
from appliance.haproxy.render import quoted
from appliance.haproxy.trial import refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LISTENER = "defaults\n  mode http\n  timeout client 1s\nfrontend trial\n  bind 127.0.0.1:80\n"
"""HAProxy takes no configuration without one; a trial binds nothing."""


@dataclass
class Scripts:
    """The folder's *.lua, each tried once as long as it does not change."""

    folder: Path
    _tried: dict[tuple[str, str], str] = field(default_factory=dict)

    def mark(self) -> tuple[object, ...]:
        """What differs when a file was changed."""
        return certificates.marks([str(path) for path in self._paths()])

    def found(self) -> tuple[Sequence[str], str, list[str]]:
        """Paths of those that load, a digest of their contents, and a notice for each other."""
        good, notices = [], []
        digest = hashlib.sha256()
        for path in self._paths():
            try:
                content = path.read_bytes()
            except OSError as error:
                notices.append(f"Lua file {path}: {error.strerror}; left out")
                continue
            key = (str(path), hashlib.sha256(content).hexdigest())
            if key not in self._tried:
                self._tried[key] = refusal(f"global\n  lua-load {quoted(str(path))}\n{_LISTENER}")
            if self._tried[key]:
                notices.append(f"Lua file {path}: {self._tried[key]}; left out")
            else:
                good.append(str(path))
                digest.update(repr(key).encode())
        return good, digest.hexdigest()[:16] if good else "", notices

    def _paths(self) -> list[Path]:
        try:
            return sorted(self.folder.glob("*.lua"))
        except OSError:
            return []
