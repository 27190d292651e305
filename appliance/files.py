"""Files that are replaced whole or not at all."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import tempfile
import threading
import time
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)
SHORTEST_S = 1.0
SHARE = 50
"""Writing the newest text takes at most this part of the time: a large one is written less often."""


def replace(path: Path, text: str, *, mode: int = 0o644, owner: str = "", durable: bool = True) -> None:
    """Put `text` at `path` atomically: temporary file in the same folder, fsync, rename, folder fsync.

    `owner` is `user` or `user:group`. `durable=False` leaves out the fsyncs, for files in `/run`.
    Raises OSError; the old file then stands untouched.
    """
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            if owner:
                user, _, group = owner.partition(":")
                shutil.chown(temporary, user, group or None)
            if durable:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    if durable:
        sync_folder(path.parent)


def owner_of(folder: Path) -> str:
    """As root: whose files belong into `folder`, so that its owner can replace them; '' for this user's."""
    if os.geteuid() != 0:
        return ""
    with contextlib.suppress(KeyError, OSError):
        return folder.owner()
    return ""


class Newest:
    """Keeps `path` at the newest text, in a thread of its own: nobody who has one waits for the disk."""

    def __init__(self, path: Path, what: str, *, mode: int = 0o644, owner: str = "") -> None:
        """`what` it is, for the log; `mode` and `owner` as for `replace`."""
        self._path, self._what, self._mode, self._owner = path, what, mode, owner
        self._text: Callable[[], str] | None = None
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=f"writes {path.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, text: Callable[[], str]) -> None:
        """`text` is called by the thread, if nothing newer has come until then."""
        with self._changed:
            self._text = text
            self._changed.notify()

    def stop(self) -> None:
        """The newest text is on disk when this returns."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        complaint = ""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._text or self._stopped)
                text, self._text = self._text, None
            if text is None:
                return
            began = time.monotonic()
            try:
                replace(self._path, text(), mode=self._mode, owner=self._owner)
                complaint = ""
            except OSError as error:
                if str(error) != complaint:
                    log.warning("%s: %s cannot be saved: %s", self._path, self._what, error)
                complaint = str(error)
            pause_s = max(SHORTEST_S, SHARE * (time.monotonic() - began))
            with self._changed:
                self._changed.wait_for(lambda: self._stopped, timeout=pause_s)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path) -> str | None:
    """Text of `path`, None if there is no such file. What is not UTF-8 is replaced, for it is not ours."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def publish(path: Path, facts: dict[str, Any]) -> None:
    """Replace a program's report in `/run`: one JSON object that others may read at any time."""
    replace(path, json.dumps(facts, sort_keys=True) + "\n", durable=False)


class Tried:
    """A file in `/run` that must end no program by being full or read-only: said once, and once when over."""

    def __init__(self, path: Path) -> None:
        self.trouble = ""
        """Why it could not be written; '' if it was."""
        self._path = path

    def write(self, action: Callable[[], object]) -> bool:
        """Do it. Whether it did; an OSError is the log's."""
        try:
            action()
        except OSError as error:
            if not self.trouble:
                log.error("%s cannot be written: %s", self._path, error.strerror)  # noqa: TRY400 - enough
            self.trouble = error.strerror or str(error)
            return False
        if self.trouble:
            log.info("%s is written again", self._path)
        self.trouble = ""
        return True


class Report:
    """A program's report in `/run`: replaced when its facts change, else touched, so that its age tells.

    A `/run` that is full or read-only ends no program: the old report stands and ages meanwhile.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tried = Tried(path)
        self._facts: dict[str, Any] | None = None

    @property
    def trouble(self) -> str:
        """Why it could not be written; '' if it was."""
        return self._tried.trouble

    def put(self, facts: dict[str, Any]) -> None:
        if self._tried.write(lambda: self._put(facts)):
            self._facts = facts

    def _put(self, facts: dict[str, Any]) -> None:
        if facts == self._facts and self._path.exists():
            os.utime(self._path)  # still so
        else:
            publish(self._path, facts)


def report(path: Path) -> dict[str, Any]:
    """Read what `publish` wrote; empty if it is missing or unreadable."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
