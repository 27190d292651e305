"""What systemd starts: prepares /run, then becomes supervisord."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
from typing import TYPE_CHECKING

from appliance import interfaces
from appliance import settings as toml
from appliance.errors import ApplianceError, EngineError, NotRunningError
from appliance.keepalived import forwarding, leftover, model
from appliance.paths import USER, package
from appliance.setup import apply, start
from appliance.setup.render import scripts
from appliance.setup.supervisor import Supervisor

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.paths import Paths
    from appliance.settings import Settings


def main(paths: Paths) -> int:
    """Never returns: this process becomes supervisord. Raises ApplianceError if the node is not set up."""
    settings = toml.load(paths.settings)
    if not paths.supervisord_conf.is_file():
        raise NotRunningError(f"{paths.supervisord_conf} is missing: run appliance-setup")
    if Supervisor(paths.supervisor_socket).running():
        raise EngineError(f"a supervisord answers on {paths.supervisor_socket} already")
    prepare(paths)
    clean_up(paths, settings)
    words = [*_supervisord(), "-n", "-c", str(paths.supervisord_conf)]
    os.environ["APPLIANCE_ROOT"] = str(paths.root)
    os.execv(words[0], words)  # noqa: S606 - no shell is what is wanted


def clean_up(paths: Paths, settings: Settings) -> list[str]:
    """Take off what killed programs left of VIPs on this machine. Returns the removed addresses."""
    present = interfaces.interfaces()
    places = [(vip, model.interface_of(settings, vip, present)) for vip in settings.vips]
    removed = leftover.take_off(paths, places)
    with contextlib.suppress(ApplianceError, OSError):  # without nft there is nothing of it
        forwarding.release_all(paths)
        forwarding.disarm_all()
    return removed


def prepare(paths: Paths) -> None:
    """Folders in /run with their owners, nothing in them that a former run said of itself.

    keepalived's pid files stay: its wrapper finds a left-over keepalived by them.
    """
    for folder, owner in (
        (paths.run, "root"),
        (paths.lb_run, USER),
        (paths.health_run, USER),
        (paths.agent_run, USER),
        (paths.keepalived_run, "root"),
    ):
        apply.folder(folder, owner)
    for stale in (
        paths.supervisord_pid,
        paths.lb_report,
        paths.health_report,
        paths.heartbeat,
        paths.track_file,
        paths.vrrp_report,
        paths.leaving,
    ):
        stale.unlink(missing_ok=True)
    _fifo(paths.vrrp_fifo)
    paths.events.touch()
    shutil.chown(paths.events, USER, USER)  # all programs append to it
    start.record(paths)


def _fifo(path: Path) -> None:
    """Made before keepalived starts: it would remove one of its own making when it ends."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISFIFO(path.stat().st_mode):
            return
        path.unlink()
    os.mkfifo(path, 0o600)


def _supervisord() -> list[str]:
    """Always the one that came with this code: beside a package's commands could be the distribution's."""
    tree = package()
    if tree is not None:
        return [str(tree / "bin/supervisord")]
    beside = scripts() / "supervisord"
    return [str(beside)] if beside.is_file() else [sys.executable, "-m", "supervisor.supervisord"]
