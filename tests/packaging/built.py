"""Packages by the build that users run."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import __version__, commands

if TYPE_CHECKING:
    from collections.abc import Iterator

TOP = Path(__file__).resolve().parents[2]
BUILD = TOP / "build"
NEWER = f"{__version__}+newer"
BUILT_WITHIN_S = 400.0


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Alone among the processes that test."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / f".{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def build(folder: Path, **env: str) -> Path:
    """Run the build once more, into `folder`."""
    argv = [TOP / "packaging/build.sh"]
    with locked("build"):
        done = commands.run(argv, env={**os.environ, "DIST": str(folder), **env}, timeout_s=BUILT_WITHIN_S)
    assert done.code == 0, done.message
    return folder


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found
