"""The door to keepalived: check a configuration, replace the file, have it read again."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from appliance import commands, files
from appliance.errors import EngineError

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.paths import Paths

CHECK_DEADLINE_S = 10.0


def check(configuration: Path) -> None:
    """Ask keepalived itself. Raises EngineError with its words, MissingError if it is not installed.

    Needed before every start and reload: keepalived starts with an unknown keyword or tracker, and then
    holds the VIP without watching the load balancer. Exit codes of `-t` (2.2.7): 0 fine, 4 no such file,
    5 any fault of the text or a missing interface, 6 script security.
    """
    done = commands.run(["keepalived", "-t", "-e", "-f", configuration], timeout_s=CHECK_DEADLINE_S)
    if done.code != 0:
        words = "; ".join(line.strip() for line in done.message.splitlines() if line.strip())
        raise EngineError(f"keepalived refuses {configuration} (exit code {done.code}): {words}")


def replace(paths: Paths, text: str) -> bool:
    """Put a checked configuration in place. False: it stands there already. Raises EngineError."""
    if files.read(paths.keepalived_conf) == text:
        return False
    candidate = paths.keepalived_conf.with_suffix(".candidate")
    files.replace(candidate, text, durable=False)
    try:
        check(candidate)
        os.replace(candidate, paths.keepalived_conf)
    finally:
        candidate.unlink(missing_ok=True)
    return True


def pid(paths: Paths) -> int | None:
    """Process id of this node's living keepalived, None if it does not run."""
    try:
        found = int(paths.keepalived_pid.read_text())
        words = _command_line(found)
    except (OSError, ValueError):
        return None
    return found if os.fsencode(paths.keepalived_conf) in words else None


def runs(paths: Paths) -> bool:
    return pid(paths) is not None


def reload(paths: Paths) -> bool:
    """Have keepalived read its configuration again; it keeps the VIP. False: it does not run."""
    running = pid(paths)
    if running is None:
        return False
    try:
        os.kill(running, signal.SIGHUP)
    except ProcessLookupError:
        return False
    return True


def _command_line(process: int) -> list[bytes]:
    with open(f"/proc/{process}/cmdline", "rb") as file:  # noqa: PTH123 - no Path for a number in /proc
        return file.read().split(b"\0")
