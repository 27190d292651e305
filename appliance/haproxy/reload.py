"""The two ways to make HAProxy load its configuration anew: its master's socket, or the user's command."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from appliance import commands
from appliance.errors import EngineError, NotRunningError, SilentError
from appliance.haproxy import runtime
from appliance.haproxy.render import loaded_hash

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LOOK_INTERVAL_S = 0.02
_LONGEST_SILENCE_S = 3.0
"""Of a master that executes itself anew with a large configuration."""


FEWEST_INODES = 16
"""For the sockets that a reload makes."""


class _Answer(Enum):
    LOADED = "loaded"
    REFUSED = "refused"
    NOT_YET = "not yet"
    SILENCE = "silence"


@dataclass(frozen=True)
class Worker:
    """The present worker, by its own words."""

    structure: str
    """'' if it has loaded nothing of ours."""
    pid: int
    version: tuple[int, ...]
    maxconn: int | None = None


@dataclass(frozen=True)
class MasterReload:
    """Through the master's socket, acknowledged: the master says that a new worker serves that very text."""

    socket: Path
    timeout_s: float = 15.0

    def reload(self, wanted: str) -> None:
        """Return once a new worker has loaded the configuration whose structure has the hash `wanted`.

        Raises NotRunningError if there is no master (it will read the file when it starts), EngineError
        if HAProxy could not load it; the old worker then goes on.
        """
        try:
            before = runtime.processes(self.socket)
        except SilentError:
            raise
        except EngineError as error:
            raise NotRunningError(f"HAProxy does not run: {error}") from None
        if fault := _unbindable(self.socket.parent):
            raise EngineError(
                f"{fault}: a reload would end HAProxy, which goes on with the old configuration"
            )
        words = runtime.command(self.socket, "reload", timeout_s=self.timeout_s).strip()
        started = heard = time.monotonic()
        while time.monotonic() < started + self.timeout_s:
            answer = self._acknowledged(before, wanted)
            if answer is not _Answer.SILENCE:
                heard = time.monotonic()
            elif time.monotonic() > heard + _LONGEST_SILENCE_S:
                raise NotRunningError("HAProxy died while it was reloading")
            if answer is _Answer.LOADED:
                return
            if answer is _Answer.REFUSED:
                raise EngineError(
                    "HAProxy could not load the new configuration and goes on with the old one"
                    + (f": {words}" if words else "; its log says why (a port that is taken?)")
                )
            time.sleep(_LOOK_INTERVAL_S)
        raise EngineError(f"HAProxy has not loaded the new configuration within {self.timeout_s:g} s")

    def _acknowledged(self, before: runtime.Processes, wanted: str) -> _Answer:
        try:
            after = runtime.processes(self.socket)
            if after.failed > before.failed:
                return _Answer.REFUSED
            new_worker = set(after.workers) - set(before.workers)
            return _Answer.LOADED if new_worker and self.running() == wanted else _Answer.NOT_YET
        except EngineError:
            return _Answer.SILENCE

    def running(self) -> str:
        """Hash of the structure that the present worker has loaded; '' if there is none, or not ours.

        Raises SilentError as `worker`.
        """
        worker = self.worker()
        return worker.structure if worker else ""

    def worker(self) -> Worker | None:
        """None if there is none. Raises SilentError when the master takes the question and says nothing."""
        try:
            told = runtime.info(self.socket, "@1 ")
        except SilentError:
            raise
        except EngineError:
            return None
        version = tuple(int(part) for part in re.findall(r"\d+", told.get("Version", ""))[:3])
        pid = told.get("Pid", "")
        maxconn = told.get("Maxconn", "")
        return Worker(
            loaded_hash(told.get("description", "")),
            int(pid) if pid.isdecimal() else 0,
            version,
            int(maxconn) if maxconn.isdecimal() else None,
        )

    def pids(self) -> tuple[int, ...]:
        try:
            return runtime.processes(self.socket).pids
        except EngineError:
            return ()

    def old_workers(self) -> int | None:
        try:
            return len(runtime.processes(self.socket).old_workers)
        except EngineError:
            return None


def _unbindable(folder: Path) -> str:
    """Why a master that reloads cannot bind its sockets anew in `folder`; '' if nothing is known against it.

    It removes the old ones first, and exits when it cannot (seen with 2.6.12).
    """
    try:
        found = os.statvfs(folder)
    except OSError as error:
        return f"{folder}: {error.strerror}"
    if found.f_flag & os.ST_RDONLY:
        return f"{folder} is on a read-only file system"
    if found.f_files and found.f_ffree < FEWEST_INODES:
        return f"{folder} is on a file system without free inodes"
    return ""


@dataclass(frozen=True)
class CommandReload:
    """By the user's own command, judged by its exit code."""

    words: Sequence[str]
    socket: Path
    """HAProxy's runtime API, asked for its pid."""
    timeout_s: float = 60.0

    def reload(self, wanted: str) -> None:  # noqa: ARG002 - the command knows no hash
        """Raises EngineError with what the command said when it fails."""
        done = commands.run(self.words, timeout_s=self.timeout_s)
        if done.code != 0:
            said = f": {done.message}" if done.message else ""
            raise EngineError(f"--command {' '.join(self.words)} failed with exit code {done.code}{said}")

    def worker(self) -> None:
        """Not ours to tell anything."""

    def running(self) -> None:
        """Not known: HAProxy belongs to the user. The file tells, for a failed command takes it back."""

    def pids(self) -> tuple[int, ...]:
        try:
            return (int(runtime.info(self.socket).get("Pid", "0")),)
        except EngineError:
            return ()

    def old_workers(self) -> None:
        """Not known: HAProxy belongs to the user."""
