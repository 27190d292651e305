"""What a running HAProxy is asked and told about its servers and maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.haproxy import runtime, states
from appliance.haproxy.runtime import PAYLOAD_LIMIT, RefusedCommandError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from appliance.haproxy.plan import Entries, MapChange, RuntimeUpdate
    from appliance.haproxy.states import State

_ONE_BY_ONE = 50
"""So many backends are asked about each; of more, all are."""
_CHUNK = PAYLOAD_LIMIT - 1_000


class Live:
    """The runtime API at `socket`. All raise EngineError when it does not answer or refuses."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    def servers(self, backends: Collection[str]) -> dict[str, dict[str, State]]:
        """By backend and name; a backend without servers is there, too."""
        found: dict[str, dict[str, State]] = {name: {} for name in backends}
        if len(backends) > _ONE_BY_ONE:
            reply = runtime.command(self.socket, "show servers state")
        elif backends:
            asked = ";".join(f"show servers state {name}" for name in sorted(backends))
            reply = runtime.command(self.socket, asked)
        else:
            return {}
        for state in states.parse(reply):
            if state.backend in found:
                found[state.backend][state.name] = state
        return found

    def connections(self, backends: Collection[str]) -> dict[tuple[str, str], int]:
        """How many connections are in use, by backend and server ("show servers conn")."""
        found = {}
        names = sorted(backends) if len(backends) <= _ONE_BY_ONE else [""]
        asked = ";".join(f"show servers conn {name}".rstrip() for name in names)
        for line in runtime.command(self.socket, asked).splitlines():
            words = line.split()
            if line.startswith("#") or len(words) < 7:
                continue
            backend, _, server = words[0].partition("/")
            found[backend, server] = int(words[6])
        return found

    def maps(self, names: Collection[str]) -> dict[str, Entries]:
        """The entries of the maps with these file names; one that is not loaded is left out."""
        return {name: self._entries(path) for name, path in self._maps().items() if name in names}

    def update(self, update: RuntimeUpdate) -> None:
        """All of it but what takes servers away."""
        runtime.send(self.socket, update.commands)
        paths = self._maps() if update.maps else {}
        for change in update.maps:
            if change.name not in paths:
                raise RefusedCommandError(f"HAProxy has not loaded the map {change.name}")
            self._change(paths[change.name], change)
        runtime.send(self.socket, update.maintenance)

    def told(self, commands: Collection[str]) -> None:
        runtime.send(self.socket, list(commands))

    def _maps(self) -> dict[str, str]:
        """Path by file name: the folder is that of the last reload."""
        found = {}
        for line in runtime.command(self.socket, "show map").splitlines():
            path = line.partition("(")[2].partition(")")[0]
            if path and not line.startswith("#"):
                found[path.rpartition("/")[2]] = path
        return found

    def _entries(self, path: str, version: str = "") -> Entries:
        rows = (
            line.split(None, 2)
            for line in runtime.command(self.socket, f"show map {version}{path}").splitlines()
        )
        return tuple((row[1], row[2]) for row in rows if len(row) == 3 and row[0].startswith("0x"))

    def _change(self, path: str, change: MapChange) -> None:
        if change.whole is not None:
            self._replace(path, change.whole)
            return
        for chunk in _chunks(change.add):
            _expect_nothing(runtime.with_payload(self.socket, f"add map {path}", chunk))
        commands = [f"set map {path} {key} {value}" for key, value in change.set]
        runtime.send(self.socket, [*commands, *(f"del map {path} {key}" for key in change.remove)])

    def _replace(self, path: str, entries: Entries) -> None:
        """In one instant; until then the old entries answer."""
        reply = runtime.command(self.socket, f"prepare map {path}").strip()
        number = reply.rpartition(" ")[2]
        if not number.isdecimal():
            raise RefusedCommandError(f"HAProxy prepares no new version of {path}: {reply}")
        for chunk in _chunks(entries):
            _expect_nothing(runtime.with_payload(self.socket, f"add map @{number} {path}", chunk))
        count = len(self._entries(path, f"@{number} "))
        if count != len(entries):
            raise RefusedCommandError(f"HAProxy took {count} of {len(entries)} entries of {path}")
        runtime.send(self.socket, [f"commit map @{number} {path}"])


def _chunks(entries: Entries) -> Iterator[list[str]]:
    chunk: list[str] = []
    size = 0
    for key, value in entries:
        line = f"{key} {value}"
        if chunk and size + len(line.encode()) + 1 > _CHUNK:
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += len(line.encode()) + 1
    if chunk:
        yield chunk


def _expect_nothing(reply: str) -> None:
    if reply.strip():
        raise RefusedCommandError(f"HAProxy refuses a map entry: {' '.join(reply.split())}")
