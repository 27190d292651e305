"""Files that are replaced whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


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


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path) -> str | None:
    """Text of `path`, None if there is no such file."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def publish(path: Path, facts: dict[str, Any]) -> None:
    """Replace a program's report in `/run`: one JSON object that others may read at any time."""
    replace(path, json.dumps(facts, sort_keys=True) + "\n", durable=False)


def report(path: Path) -> dict[str, Any]:
    """Read what `publish` wrote; empty if it is missing or unreadable."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
