"""The files of a node, as text."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import commands, templating
from appliance import settings as toml
from appliance.errors import MissingError
from appliance.paths import USER, package
from appliance.setup.plan import File

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.marathon.access import Credentials
    from appliance.paths import Paths
    from appliance.settings import LoadBalancer, Settings


ORDER = ("haproxy", "lb", "health", "agent", "vrrp", "keepalived")
"""Of start. Each keeps its place whether or not the others are there: a new one would be a restart."""
VIP_GROUP = ORDER[-2:]
"""Stopped first, so that the VIP has left before the load balancer ends."""


@dataclass(frozen=True)
class Program:
    """One [program:…] of supervisord. An empty `user` is root."""

    name: str
    command: str
    user: str = ""
    stop_signal: str = "TERM"
    stop_wait_s: int = 6
    stop_as_group: bool = True

    @property
    def priority(self) -> int:
        return (ORDER.index(self.name) + 1) * 10


def scripts() -> Path:
    """Folder of the running installation's console commands. Raises MissingError."""
    for folder in (Path(sys.argv[0]).resolve().parent, Path(sys.executable).absolute().parent):
        if (folder / "appliance").is_file() and (folder / "appliance-lb").is_file():
            return folder
    raise MissingError(f"appliance and appliance-lb are not beside {sys.argv[0]}: install the whole package")


def programs(paths: Paths, folder: Path, lb: LoadBalancer) -> tuple[Program, ...]:
    """What supervisord runs, in the order of start. `folder` holds our console commands."""
    appliance = folder / "appliance"
    return (
        *(() if lb.floating else _local(paths, folder)),
        Program("health", _line([appliance, "run", "health"]), USER),
        Program("agent", _line([appliance, "run", "agent"]), USER),
        Program("vrrp", _line([appliance, "run", "vrrp"])),
        Program("keepalived", _line([paths.bin / "keepalived-run"]), stop_as_group=False),
    )


def _local(paths: Paths, folder: Path) -> tuple[Program, ...]:
    """This node's own load balancer."""
    haproxy = [
        commands.find("haproxy"),
        "-W",
        "-db",
        "-S",
        f"{paths.haproxy_master_socket},level,admin,mode,660,group,{USER}",
        "-f",
        paths.haproxy_cfg,
    ]
    return (
        # The master tells its workers itself. USR1 drains; what is left after the wait is cut.
        Program("haproxy", _line(haproxy), stop_signal="USR1", stop_wait_s=10, stop_as_group=False),
        Program("lb", _line([folder / "appliance-lb", "sse"]), USER),
    )


def files(
    paths: Paths, settings: Settings, existing: str | None, login: Credentials | None
) -> tuple[File, ...]:
    """All files of this node. `existing` is appliance.toml as it is: kept with its comments if it says so."""
    same = existing is not None and toml.parse(existing, str(paths.settings)) == settings
    folder = scripts()
    wanted = [
        File(paths.settings, existing if same and existing else toml.render(settings)),
        File(paths.supervisord_conf, _supervisord(paths, programs(paths, folder, settings.lb))),
    ]
    if package() is None or str(paths.root) != "/":
        wanted += [File(paths.unit, _unit(paths, folder)), *_scripts(paths, commands.find("keepalived"))]
    if login:
        text = f"{login.user}:{login.password}\n"
        wanted.append(File(paths.credentials, text, 0o640, f"root:{USER}", secret=True))
    return tuple(wanted)


def packaged(paths: Paths, folder: Path) -> tuple[File, ...]:
    """The files that a package brings, so that setup does not write them."""
    return (
        File(Path("/usr/lib/systemd/system") / paths.unit.name, _unit(paths, folder)),
        *_scripts(paths, "/usr/sbin/keepalived"),
    )


def _scripts(paths: Paths, keepalived: str) -> tuple[File, ...]:
    return tuple(
        File(
            paths.bin / name,
            templating.render(f"keepalived/{name}.sh.j2", paths=paths, keepalived=keepalived),
            0o755,
        )
        for name in ("keepalived-run", "notify")
    )


def _supervisord(paths: Paths, wanted: Sequence[Program]) -> str:
    return templating.render(
        "supervisor/supervisord.conf.j2",
        run=_plain(paths.run),
        log=_plain(paths.log),
        root=f'"{_plain(paths.root)}"',
        user=USER,
        setpriv=commands.find("setpriv"),
        load_balancer=[program.name for program in wanted if program.name not in VIP_GROUP],
        programs=wanted,
    )


def _unit(paths: Paths, folder: Path) -> str:
    return templating.render(
        "supervisor/marathon-ha-appliance.service.j2",
        root=str(paths.root),
        settings=paths.settings,
        scripts=folder,
    )


def _line(words: Sequence[object]) -> str:
    return _plain(shlex.join(map(str, words)))


def _plain(text: object) -> str:
    """In every value supervisord expands %."""
    return str(text).replace("%", "%%")
