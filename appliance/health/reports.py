"""The files between health and the other programs: track file, heartbeat, reports."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from appliance import files
from appliance.health.state import Picture

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.health.verdict import Verdict
    from appliance.paths import Paths

HEARTBEAT_FRESH_S = 1.0


def write_weight(paths: Paths, verdict: Verdict) -> bool:
    """Put `verdict` into the track file unless it stands there. Returns whether it was written."""
    return write_number(paths, verdict.value)


def write_number(paths: Paths, number: int) -> bool:
    """The same with a number that may be another one than the verdict's: a frozen one."""
    if weight(paths) == number:
        return False
    text = f"{number}\n"
    try:
        files.replace(paths.track_file, text, durable=False)
    except OSError:
        if not paths.track_file.exists():
            raise
        _overwrite(paths.track_file, text)
    return True


def _overwrite(path: Path, text: str) -> None:
    """Where /run is full, the file's own block is still there: the VIP has to move then, too.

    keepalived reads when the file is closed, so it never sees half of it.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(descriptor, text.encode(), 0)
        os.ftruncate(descriptor, len(text))
    finally:
        os.close(descriptor)


def weight(paths: Paths) -> int | None:
    """The number in the track file; None where keepalived would take 0 for want of one."""
    try:
        return int(paths.track_file.read_bytes())
    except (OSError, ValueError):
        return None


def beat(paths: Paths) -> None:
    """Say that health lives."""
    try:
        os.utime(paths.heartbeat)
    except FileNotFoundError:
        paths.heartbeat.touch()


def heartbeat_age_s(paths: Paths) -> float | None:
    """Seconds since health last said so; None: never since the boot."""
    try:
        return max(time.time() - paths.heartbeat.stat().st_mtime, 0.0)
    except OSError:
        return None


def lives(paths: Paths) -> bool:
    age_s = heartbeat_age_s(paths)
    return age_s is not None and age_s <= HEARTBEAT_FRESH_S


class Report:
    """A JSON file that another program replaces; parsed again only when it changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._facts: dict[str, object] = {}

    @property
    def written_at(self) -> float:
        """When it was, as of the last `read`; unix seconds, 0.0 if it is missing."""
        return self._seen[1] / 1e9 if self._seen else 0.0

    def read(self) -> dict[str, object]:
        """Its content now; empty if it is missing or unreadable."""
        try:
            status = self._path.stat()
        except OSError:
            self._seen, self._facts = None, {}
            return self._facts
        seen = (status.st_ino, status.st_mtime_ns, status.st_size)
        if seen != self._seen:
            self._seen, self._facts = seen, files.report(self._path)
        return self._facts


def picture(lb_report: dict[str, object]) -> Picture:
    """What the generator says the running HAProxy has acknowledged."""
    if lb_report.get("applied") is not True:
        return Picture.NONE
    return {"disk": Picture.DISK, "marathon": Picture.MARATHON}.get(
        str(lb_report.get("picture")), Picture.NONE
    )


def picture_age_s(lb_report: dict[str, object], written_at: float, now: float) -> float | None:
    """How long Marathon has not confirmed what is served; a silent generator confirms nothing, either.

    `written_at`: when the generator last touched its report. None: it has never said.
    """
    until = lb_report.get("right_until")
    if not isinstance(until, (int, float)):
        return None
    return max(now - (until or written_at), now - written_at, 0.0)
