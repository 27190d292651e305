"""What happened on this node: one JSON object a line, appended whole by every program."""

from __future__ import annotations

import json
import logging
import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

LAST_S = 253402300800
"""The year 10000."""
TAIL = 1_000_000
"""Bytes of the end of the file that `recent` looks at."""


def record(path: Path, kind: str, message: str, **facts: Any) -> None:
    """Append an event. An event that cannot be written goes to the log: it stops no failover."""
    log.info("%s: %s", kind, message)
    line = json.dumps({"at": round(time.time(), 3), "kind": kind, "message": message, **facts}) + "\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o664)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        log.warning("event not recorded in %s: %s", path, error.strerror)


def recent(path: Path, count: int) -> list[dict[str, Any]]:
    """The last `count` events, oldest first. Lines that are no events are left out."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - TAIL, 0))
            lines = file.read().splitlines()
    except OSError:
        return []
    events: list[dict[str, Any]] = []
    for line in reversed(lines):
        if len(events) == count:
            break
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if is_event(event):
            events.append(event)
    return events[::-1]


def left_out(path: Path) -> int:
    """How many lines, of those that `recent` looks at, are no events. Raises OSError."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - TAIL, 0))
            lines = file.read().splitlines()[1 if size > TAIL else 0 :]
    except FileNotFoundError:
        return 0
    return sum(not is_event(_parsed(line)) for line in lines)


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None


def is_event(event: object) -> bool:
    """Whether it has all that an event has, and a time that can be shown."""
    if not isinstance(event, dict) or not isinstance(event.get("at"), (int, float)):
        return False
    if not 0 <= event["at"] < LAST_S:
        return False
    return isinstance(event.get("kind"), str) and isinstance(event.get("message"), str)
