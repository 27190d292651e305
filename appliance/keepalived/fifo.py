"""The fifo that keepalived and the notify hook write, and one recorder reads."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CHUNK = 65536


class Fifo:
    """Lines out of the fifo at `path`, which is made if it is missing.

    Open for reading and writing, so that it never ends when a writer goes; never blocks.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rest = b""
        self.descriptor = self._open()

    def fileno(self) -> int:
        return self.descriptor

    def lines(self) -> list[str]:
        """What was written since the last call, whole lines only."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self.descriptor, CHUNK):
                self._rest += chunk
        *whole, self._rest = self._rest.split(b"\n")
        return [line.decode("ascii", "replace") for line in whole]

    def replaced(self) -> bool:
        """Whether another fifo stands at the path now: keepalived unlinks one that it made itself."""
        try:
            return os.fstat(self.descriptor).st_ino != self._path.stat().st_ino
        except OSError:
            return True

    def reopen(self) -> None:
        os.close(self.descriptor)
        self.descriptor = self._open()

    def _open(self) -> int:
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISFIFO(self._path.stat().st_mode):
                self._path.unlink()
        with contextlib.suppress(FileExistsError):
            os.mkfifo(self._path, 0o600)
        return os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
