"""The operator's own programs, run when VRRP's state or priority changes. Nobody waits for them.

Each file of the folder runs once at a time for each VIP. What happens meanwhile waits, and only the newest
of it is told afterwards: a slow hook is late, but ends with what is true.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import stat
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

from appliance import commands

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
LEFT_BEHIND = re.compile(r".*(~|\.(bak|dpkg-\w+|rpm\w+|swp|orig))")
DEADLINE_S = 30.0
TERM_S = 2.0
"""From SIGTERM to SIGKILL."""
END_S = 3.0


@dataclass(frozen=True)
class Call:
    """A newer one about the same replaces one that waits."""

    about: tuple[str, str]
    """The VIP, and whether it is its state or its priority."""
    arguments: tuple[str, ...]
    environment: Mapping[str, str]


def usable(folder: Path) -> tuple[list[Path], dict[str, str]]:
    """Its hooks by name, and why a file is none, by path. A folder that is not there has none."""
    try:
        fault = _fault(folder.stat(), "the folder")
        files = sorted(folder.iterdir())
    except OSError:
        return [], {}
    if fault:
        return [], {str(folder): fault}
    found, ignored = [], {}
    for file in files:
        if NAME.fullmatch(file.name) and not LEFT_BEHIND.fullmatch(file.name) and not file.is_dir():
            why = _unusable(file)
            if why:
                ignored[str(file)] = why
            else:
                found.append(file)
    return found, ignored


def _unusable(file: Path) -> str:
    try:
        status = file.stat()
    except OSError as error:
        return str(error.strerror)
    if not stat.S_ISREG(status.st_mode):
        return "it is no file"
    if not status.st_mode & stat.S_IXUSR:
        return "it is not executable: chmod 755"
    return _fault(status, "it")


def _fault(status: os.stat_result, what: str) -> str:
    if status.st_uid != 0:
        return f"{what} does not belong to root, who would run it: chown root"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"{what} can be written by others than root: chmod go-w"
    return ""


class Hooks:
    """Thread-safe. `say` gets one line for each failure and for each file that is ignored."""

    def __init__(
        self, folder: Path, log: Path, say: Callable[[str], None], *, deadline_s: float = DEADLINE_S
    ) -> None:
        self._folder = folder
        self._log = log
        self._say = say
        self._deadline_s = deadline_s
        self._lock = threading.Lock()
        self._waiting: dict[tuple[Path, tuple[str, str]], Call | None] = {}
        """By file and what it is about, while it runs: what comes next."""
        self._threads: set[threading.Thread] = set()
        self._ignored: dict[str, str] = {}
        self._running: set[commands.Process[bytes]] = set()
        self._ended = threading.Event()

    def call(self, call: Call) -> None:
        """Run every hook; returns at once."""
        files, ignored = usable(self._folder)
        for path, why in ignored.items():
            if self._ignored.get(path) != why:
                self._say(f"{path} is ignored: {why}")
        self._ignored = ignored
        for file in files:
            key = file, call.about
            with self._lock:
                runs = key in self._waiting
                self._waiting[key] = call if runs else None
            if not runs:
                thread = threading.Thread(target=self._run, args=(key, call), name=file.name, daemon=True)
                self._threads.add(thread)
                thread.start()

    def end(self) -> None:
        """Give running hooks a moment, then end them."""
        self._ended.set()
        end = time.monotonic() + END_S
        for thread in list(self._threads):
            thread.join(max(end - time.monotonic(), 0.0))
        for process in list(self._running):
            _kill(process, signal.SIGTERM)

    def _run(self, key: tuple[Path, tuple[str, str]], call: Call | None) -> None:
        while call is not None and not self._ended.is_set():
            why = self._run_once(key[0], call)
            if why:
                self._say(f"{key[0].name} {' '.join(call.arguments)}: {why}")
            with self._lock:
                call = self._waiting[key]
                if call is None:
                    del self._waiting[key]
                else:
                    self._waiting[key] = None
        self._threads.discard(threading.current_thread())

    def _run_once(self, file: Path, call: Call) -> str:
        """Why it failed; '' if it did not."""
        try:
            with self._log.open("ab") as log:
                process = commands.start(
                    [file, *call.arguments],
                    stdout=log,
                    stderr=commands.STDOUT,
                    env={"PATH": commands.SYSTEM_PATH, "LANG": "C.UTF-8", **call.environment},
                    new_session=True,
                )
        except OSError as error:
            return f"cannot be run: {error.strerror}"
        self._running.add(process)
        try:
            return self._wait(process)
        finally:
            self._running.discard(process)

    def _wait(self, process: commands.Process[bytes]) -> str:
        if _ends(process, self._deadline_s):
            return f"exit code {process.returncode}" if process.returncode else ""
        for number in (signal.SIGTERM, signal.SIGKILL):
            _kill(process, number)
            if _ends(process, TERM_S):
                break
        return f"did not end within {self._deadline_s:g} s and was ended"


def _kill(process: commands.Process[bytes], number: int) -> None:
    """With everything that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _ends(process: commands.Process[bytes], within_s: float) -> bool:
    try:
        process.wait(within_s)
    except commands.TimeoutExpired:
        return False
    return True
