"""`appliance logs`: what the programs of this node wrote, of all of them by time, or of one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from appliance.errors import ForbiddenError, NotRunningError, UsageError
from appliance.paths import Paths

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from appliance.cli.command import Parser

FINE = 0
LOOK_S = 0.25
TAIL = 256 * 1024
"""Bytes of a log's end that are looked at."""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    made = commands.add_parser("logs", help="what the programs of this node wrote")
    made.add_argument("program", nargs="?", default="", metavar="PROGRAM", help="one (default: each)")
    made.add_argument(
        "-n", "--number", type=int, default=20, metavar="N", help="the last N lines of each (20)"
    )
    made.add_argument("-f", "--follow", action="store_true", help="go on with what comes, until ^C")
    made.set_defaults(call=_logs)


def _logs(arguments: argparse.Namespace) -> int:
    paths = Paths.of(arguments.root)
    chosen = _chosen(paths.log, arguments.program)
    logs = [Log(path) for path in chosen]
    width = max(len(log.name) for log in logs)
    single = len(logs) == 1
    while True:
        for log in logs:
            for line in log.last(arguments.number) if log.at is None else log.more():
                print(line if single else f"{log.name:{width}}  {line}", flush=True)
        if not arguments.follow:
            return FINE
        time.sleep(LOOK_S)


def _chosen(folder: Path, program: str) -> list[Path]:
    try:
        found = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix == ".log"}
    except PermissionError:
        raise ForbiddenError(f"{folder} cannot be read: run it with sudo") from None
    except OSError:
        found = {}
    if not found:
        raise NotRunningError(f"nothing in {folder}: this node was never started")
    if program and program not in found:
        raise UsageError(f"no program {program} has a log here; there are {', '.join(found)}")
    return [found[program]] if program else list(found.values())


class Log:
    """One file, over its rotation: a file that is another one, or shorter, is read from its begin."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self.at: int | None = None
        """How far it was read; None: not yet."""
        self._path = path
        self._inode = 0
        self._rest = b""

    def last(self, count: int) -> list[str]:
        size = self._size()
        start = max(size - TAIL, 0)
        lines = self._read(start).splitlines()
        return lines[1 if start else 0 :][-count:] if count > 0 else []

    def more(self) -> list[str]:
        inode = self._inode
        size = self._size()
        if inode != self._inode or size < (self.at or 0):
            self.at, self._rest = 0, b""
        return self._read(self.at or 0).splitlines() if size > (self.at or 0) else []

    def _size(self) -> int:
        try:
            status = self._path.stat()
        except OSError:
            return 0
        self._inode = status.st_ino
        return status.st_size

    def _read(self, start: int) -> str:
        """Whole lines from `start` on; one that is not complete yet comes with the next."""
        try:
            with self._path.open("rb") as file:
                file.seek(start)
                said = self._rest + file.read()
                self.at = file.tell()
        except PermissionError:
            raise ForbiddenError(f"{self._path} cannot be read: run it with sudo") from None
        except OSError:
            self.at = 0
            return ""
        whole, line_break, self._rest = said.rpartition(b"\n")
        return (whole + line_break).decode("utf-8", "replace")
