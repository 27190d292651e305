"""Writing a node: user, folders, files. The door that changes the machine's disk."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from typing import TYPE_CHECKING

from appliance import commands, files
from appliance.errors import EngineError
from appliance.haproxy import process
from appliance.haproxy.model import LoadBalancer
from appliance.haproxy.reload import MasterReload
from appliance.haproxy.render import render
from appliance.haproxy.service import Service
from appliance.paths import USER
from appliance.setup.plan import Present
from appliance.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from appliance.paths import Paths
    from appliance.settings import LoadBalancer as LoadBalancerSettings
    from appliance.setup.plan import Change, File


def present(wanted: Iterable[File]) -> dict[Path, Present]:
    """Those of the files that exist, as they are."""
    found = {}
    for file in wanted:
        text = files.read(file.path)
        if text is not None:
            status = file.path.stat()
            owner = f"{_user_name(status.st_uid)}:{_group_name(status.st_gid)}"
            found[file.path] = Present(text, stat.S_IMODE(status.st_mode), owner)
    return found


def node(paths: Paths, changes: Sequence[Change], lb: LoadBalancerSettings) -> None:
    """Everything a node has on disk. Raises EngineError."""
    add_user()
    folders(paths)
    if not lb.floating:
        first_configuration(paths)
    try:
        Trust(paths).begin()
        write(changes)
    except OSError as error:
        raise EngineError(f"{error.filename}: cannot be written: {error.strerror}") from None


def first_configuration(paths: Paths) -> None:
    """Something for HAProxy to start with, without apps: the generator replaces it within moments."""
    if paths.haproxy_cfg.exists():
        return
    made = process.of_appliance(paths)
    Service(paths.haproxy_cfg, made, MasterReload(paths.haproxy_master_socket)).place(
        render(LoadBalancer(), made)
    )


def add_user() -> None:
    """A system user and group without home or shell, if missing. Raises EngineError."""
    try:
        pwd.getpwnam(USER)
    except KeyError:
        done = commands.run(
            ["useradd", "-r", "-U", "-M", "-d", "/nonexistent", "-s", "/usr/sbin/nologin", USER]
        )
        if done.code != 0:
            raise EngineError(f"useradd {USER}: {done.message}") from None


def folders(paths: Paths) -> None:
    """The folders that last over boots. What lies in /run is made at each start of supervisord."""
    for path in (paths.etc, paths.hooks):
        folder(path, "root")
    for path in (paths.state, paths.haproxy, paths.log):
        folder(path, USER)


def folder(path: Path, user: str) -> None:
    """`path`, 0755, owned by `user` and its group."""
    path.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.chmod(0o755)
    account = pwd.getpwnam(user)
    os.chown(path, account.pw_uid, account.pw_gid)


def write(changes: Sequence[Change]) -> None:
    """Replace each file whole. Raises OSError; files already replaced stay."""
    for change in changes:
        file = change.file
        file.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        files.replace(file.path, file.text, mode=file.mode, owner=file.owner)


def _user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
