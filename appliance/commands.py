"""Other programs: found, run with a deadline, started. The only importer of subprocess."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, NoReturn, Union

from appliance.errors import MissingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Process = subprocess.Popen
TimeoutExpired = subprocess.TimeoutExpired
DEVNULL = subprocess.DEVNULL
PIPE = subprocess.PIPE
STDOUT = subprocess.STDOUT
Stream = Union[int, IO[Any], None]

PACKAGES = {"ip": "iproute2", "nft": "nftables", "ss": "iproute2"}
"""Where the package is called otherwise."""
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Completed:
    """What a finished command left: exit code, and its stdout and stderr as text."""

    code: int
    output: str
    errors: str

    @property
    def message(self) -> str:
        """What it said, errors first, for a person."""
        return (self.errors.strip() or self.output.strip())[-2000:]


def find(program: str) -> str:
    """Full path of `program`. Raises MissingError with the package to install."""
    path = shutil.which(program) or shutil.which(program, path=SYSTEM_PATH)
    if path is None:
        raise MissingError(f"{program} is not installed: install it by 'apt-get install {_package(program)}'")
    return path


def _package(program: str) -> str:
    util_linux = {"chrt", "mount", "nsenter", "prlimit", "setpriv", "setsid", "umount", "unshare"}
    return "util-linux" if program in util_linux else PACKAGES.get(program, program)


def run(
    argv: Sequence[str | Path],
    *,
    timeout_s: float = 10.0,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Completed:
    """Run to the end, without a shell. Exit code 124 when the deadline passed, as timeout(1)."""
    words = [find(str(argv[0])), *map(str, argv[1:])]
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            timeout=timeout_s,
            check=False,
            env=env,
            cwd=cwd,
            input=None if stdin is None else stdin.encode(),
            stdin=subprocess.DEVNULL if stdin is None else None,
        )
    except subprocess.TimeoutExpired:
        return Completed(124, "", f"{words[0]} did not end within {timeout_s:g} s")
    return Completed(
        done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    )


def become(argv: Sequence[str | Path], env: Mapping[str, str]) -> NoReturn:
    """Go on as another program in this very process. Raises MissingError, OSError."""
    words = [find(str(argv[0])), *map(str, argv[1:])]
    os.execve(words[0], words, dict(env))  # noqa: S606 - no shell is what is wanted


def start(
    argv: Sequence[str | Path],
    *,
    stdin: Stream = subprocess.DEVNULL,
    stdout: Stream = None,
    stderr: Stream = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    pass_fds: Sequence[int] = (),
    new_session: bool = False,
) -> Process[bytes]:
    """Start and return at once; the caller waits for it or ends it."""
    words = [find(str(argv[0])), *map(str, argv[1:])]
    return subprocess.Popen(
        words,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=env,
        cwd=cwd,
        pass_fds=pass_fds,
        start_new_session=new_session,
    )
