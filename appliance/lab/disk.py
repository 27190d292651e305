"""A node's own folders, mounted in its own mount namespace. Doors: mount(8)."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import appliance
from appliance import commands, paths
from appliance.errors import ApplianceError
from appliance.lab.reach import covers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.lab.reach import Cover

_LAYERED = (Path("/etc"), Path("/usr"), Path("/var/lib"))
"""This machine's content, changes go to the node's disk."""
_KEPT = (Path("/var/log"),)
"""Empty at first, on the node's disk."""
_VOLATILE = {Path("/run"): "0755", Path("/tmp"): "1777", Path("/dev/shm"): "1777"}  # noqa: S108 - mount points
"""Empty at every boot."""

_FOREIGN = ("/etc/mesos", "/etc/systemd/system/multi-user.target.wants")


def mount(disk: Path) -> bool:
    """Give this mount namespace the folders of the node whose disk is `disk`. True at the first boot."""
    first_boot = not disk.exists()
    laid_bare = covers(_needed(), [*_KEPT, *_VOLATILE], _traversable)
    held = _hold(laid_bare)
    for folder in _LAYERED:
        upper, work = disk / "upper" / folder.name, disk / "work" / folder.name
        upper.mkdir(parents=True, exist_ok=True)
        work.mkdir(parents=True, exist_ok=True)
        options = f"lowerdir={folder},upperdir={upper},workdir={work}"
        _mount("-t", "overlay", "-o", options, "mha-lab", folder)
    for folder in _KEPT:
        own = disk / "kept" / folder.name
        own.mkdir(parents=True, exist_ok=True)
        _mount("--bind", own, folder)
    for folder, mode in {
        **{c.folder: "0755" for c in laid_bare if c.folder not in _KEPT},
        **_VOLATILE,
    }.items():
        _empty(folder, mode)
    for item in held:
        item.put_back()
    if first_boot:
        _forget_this_machine()
    Path("/run/lock").mkdir()
    return first_boot


def lay_bare() -> None:
    """Let every user of this mount namespace reach the running code, wherever it lies."""
    laid_bare = covers(_needed(), (), _traversable)
    held = _hold(laid_bare)
    for cover in laid_bare:
        _empty(cover.folder, "0755")
    for item in held:
        item.put_back()


def _hold(laid_bare: Sequence[Cover]) -> list[Held]:
    return [Held(item) for cover in laid_bare for path in cover.paths for item in _items(path)]


def _empty(folder: Path, mode: str) -> None:
    _mount("-t", "tmpfs", "-o", f"mode={mode}", "mha-lab", folder)


class Held:
    """A file, folder or link that is about to be covered: an open descriptor still leads to it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._link = path.readlink() if path.is_symlink() else None
        self._is_folder = path.is_dir()
        self._descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW)

    def put_back(self) -> None:
        """Make it appear again at its path, over the cover."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._link is not None:
            self._path.symlink_to(self._link)
        else:
            self._path.mkdir() if self._is_folder else self._path.touch()
            # Not canonicalized: the name behind the descriptor means the cover by now.
            _mount("--no-canonicalize", "--rbind", f"/proc/{os.getpid()}/fd/{self._descriptor}", self._path)
        os.close(self._descriptor)


def _items(path: Path) -> list[Path]:
    """What to hold so that anybody reaches the content of `path`: itself, or all in it if it is private."""
    return [path] if _traversable(path) else sorted(path.iterdir())


def _needed() -> list[Path]:
    """The code, its environment, and the Python below; by the path in use and by the real one."""
    named = [Path(appliance.__file__).parents[1], Path(sys.prefix), Path(sys.base_prefix)]
    return [*named, *(path.resolve() for path in named)]


def _traversable(folder: Path) -> bool:
    return folder.stat().st_mode & 0o001 != 0


def _forget_this_machine() -> None:
    """A node is a fresh slave, even where this machine is set up as one itself."""
    own = (f"/etc/{paths.NAME}", f"/var/lib/{paths.NAME}")
    for folder in (*own, *_FOREIGN):
        shutil.rmtree(folder, ignore_errors=True)
    Path(f"/etc/systemd/system/{paths.NAME}.service").unlink(missing_ok=True)


def _mount(*arguments: str | Path) -> None:
    done = commands.run(["mount", *arguments])
    if done.code != 0:
        raise ApplianceError(f"mount {' '.join(map(str, arguments))}: {done.message}")
