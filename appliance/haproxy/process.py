"""How a HAProxy runs, this node's or one of the user's own: its sockets, its user, its limits."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import re
import resource
import shutil
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import machine
from appliance.errors import ForbiddenError, SettingsError
from appliance.haproxy.model import Process
from appliance.paths import UNIX_SOCKET_LIMIT, USER

if TYPE_CHECKING:
    from appliance.paths import Paths

HAPROXY_USER = "haproxy"
_WRITABLE_AS_IS = re.compile(r"[\w./+@:-]+", re.ASCII)
_MOST_DESCRIPTORS = 1_048_576
_MOST_THREADS = 16
"""Beyond that they wait for each other more than they serve."""


def of_appliance(paths: Paths) -> Process:
    """The HAProxy that supervisord runs on this node: started by root, workers without privileges."""
    process = Process(
        folder=_checked(paths.haproxy),
        socket=str(paths.haproxy_socket),
        generator_socket=str(paths.lb_socket),
        file_descriptors=_file_descriptors(),
        memory=machine.memory(),
        threads=min(machine.cores(), _MOST_THREADS),
    )
    return _as(process, USER)


def standalone(config: Path, *, limits_known: bool = False) -> tuple[Process, tuple[str, ...]]:
    """A HAProxy of the user's own, with its sockets beside `config`; and what has to be said of it.

    It names a user only as root: an unprivileged HAProxy could not start with one. Its limits are known
    where it is our child.
    """
    folder = config.parent.absolute()
    sockets = folder
    notices: tuple[str, ...] = ()
    obstacle = _obstacle(folder, ours=limits_known)
    if obstacle:
        sockets = _short_folder(folder)
        notices = (f"{obstacle}: HAProxy's unix sockets lie in {sockets}",)
    process = Process(
        folder=_checked(folder),
        socket=str(sockets / "haproxy.sock"),
        generator_socket=str(sockets / "lb.sock"),
        file_descriptors=_file_descriptors() if limits_known else None,
    )
    return (_as(process, HAPROXY_USER) if os.geteuid() == 0 else process), notices


def make_socket_folder(process: Process) -> None:
    """Create the short folder of a standalone HAProxy's sockets, for this user alone to change.

    As root others may pass through: the workers of HAProxy, who have a user of their own.

    Raises ForbiddenError if the name is taken by somebody else: then nothing in it can be trusted.
    """
    folder = Path(process.socket).parent
    if folder == Path(process.folder):
        return
    folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o066:
        raise ForbiddenError(f"{folder} is not a folder of this user alone: remove it")


def remove_socket_folder(process: Process) -> None:
    """Take away what `make_socket_folder` made, with what is left in it."""
    folder = Path(process.socket).parent
    if folder != Path(process.folder):
        shutil.rmtree(folder, ignore_errors=True)


def _obstacle(folder: Path, *, ours: bool) -> str:
    """Why sockets cannot lie there; '' if they can. The workers of a HAProxy of ours are not root."""
    if len(os.fsencode(folder / "haproxy.sock")) > UNIX_SOCKET_LIMIT:
        return f"{folder} is too long a name for unix sockets"
    closed = (one for one in (folder, *folder.parents) if one.is_dir() and not one.stat().st_mode & 0o001)
    barred = next(closed, None) if ours and os.geteuid() == 0 else None
    return f"HAProxy's workers, who are not root, cannot pass through {barred}" if barred else ""


def _short_folder(folder: Path) -> Path:
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    return Path("/tmp", f"appliance-lb-{os.geteuid()}-{name}")  # noqa: S108 - checked when it is made


def _as(process: Process, group: str) -> Process:
    """With user and group where the machine knows both."""
    try:
        pwd.getpwnam(HAPROXY_USER)
        grp.getgrnam(group)
    except KeyError:
        return process
    return replace(process, user=HAPROXY_USER, group=group)


def _checked(folder: Path) -> str:
    if not _WRITABLE_AS_IS.fullmatch(str(folder)):
        raise SettingsError(
            f"{folder}: the folder of haproxy.cfg may only hold letters, digits and . / + @ : _ - in its name"
        )
    return str(folder)


def _file_descriptors() -> int:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else hard
