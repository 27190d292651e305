"""Starting a node, or making a running one take its new settings, and waiting until it stands."""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance import __version__, commands, files
from appliance import settings as toml
from appliance.errors import EngineError, NotRunningError, SettingsError
from appliance.health.verdict import Verdict
from appliance.setup import network, plan, systemd
from appliance.setup.node import ask
from appliance.setup.render import scripts
from appliance.setup.supervisor import Supervisor

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.paths import Paths
    from appliance.settings import Settings

DEADLINE_S = 60.0
LOOK_S = 0.2
SUPERVISORD = "supervisord"
NOT_YET = ("", Verdict.NO_LB.name, Verdict.NO_LB_DRAINING.name, Verdict.FAULT.name)


def managed(paths: Paths) -> bool:
    """Whether systemd starts this node: it runs here, and the node lies where its unit says."""
    return systemd.running() and str(paths.root) == "/"


def running(paths: Paths) -> bool:
    return Supervisor(paths.supervisor_socket).running()


def record(paths: Paths) -> None:
    """Note what the programs are being started with."""
    facts = {
        "version": __version__,
        "settings": files.read(paths.settings),
        "credentials": _digest(paths.credentials),
        "supervisord": _digest(paths.supervisord_conf),
    }
    files.replace(paths.applied, json.dumps(facts), mode=0o600, durable=False)


def stale(paths: Paths, wanted: Settings) -> tuple[str, ...]:
    """Running programs, supervisord among them, that were started with other settings than `wanted`."""
    applied = files.report(paths.applied)
    try:
        before = toml.parse(applied["settings"], str(paths.applied))
    except (KeyError, TypeError, SettingsError):
        before = None
    changed = applied.get("credentials") != _digest(paths.credentials)
    programs = plan.affected(before, wanted, credentials_changed=changed)
    current = applied.get("supervisord") == _digest(paths.supervisord_conf)
    return programs if current else (SUPERVISORD, *programs)


def start(paths: Paths) -> None:
    """Start the node: by systemd, else in the background. Raises EngineError."""
    if managed(paths):
        systemd.call("daemon-reload")
        systemd.take_over(paths.units)
        systemd.call("enable", "--now", systemd.UNIT)
        return
    with (paths.log / "supervisord.out").open("ab") as output:
        commands.start(
            [scripts() / "appliance", "run", "supervisord"],
            stdout=output,
            stderr=commands.STDOUT,
            env={**os.environ, "APPLIANCE_ROOT": str(paths.root)},
            new_session=True,
        )


def refresh(paths: Paths, wanted: Settings) -> tuple[str, ...]:
    """Make running programs take what is written now; returns those that were restarted."""
    if managed(paths):
        systemd.call("daemon-reload")
        systemd.take_over(paths.units)
        systemd.call("enable", systemd.UNIT)
    supervisor = Supervisor(paths.supervisor_socket)
    groups = supervisor.update()
    done = (SUPERVISORD, *groups)
    programs = tuple(name for name in stale(paths, wanted) if name.partition(":")[0] not in done)
    supervisor.restart(programs)
    record(paths)
    return (*groups, *programs)


@dataclass(frozen=True)
class Standing:
    """How far a start has come."""

    waiting: tuple[str, ...]
    """Programs that do not run."""
    verdict: str
    owner: str
    """Who has the VIP, for a person; empty: nobody."""
    floating: bool = False
    """Marathon decides on which node a load balancer runs, so this one need not have any."""

    @property
    def serves(self) -> bool:
        return self.verdict not in (("",) if self.floating else NOT_YET)

    @property
    def complete(self) -> bool:
        return not self.waiting and self.serves and bool(self.owner)


def wait(paths: Paths, settings: Settings) -> Standing:
    """Until every program runs, the load balancer serves and the VIP has an owner, for DEADLINE_S at most."""
    end = time.monotonic() + DEADLINE_S
    while True:
        standing = look(paths, settings)
        if standing.complete or time.monotonic() > end:
            return standing
        time.sleep(LOOK_S)


def look(paths: Paths, settings: Settings) -> Standing:
    try:
        programs = Supervisor(paths.supervisor_socket).programs()
    except NotRunningError:
        return Standing(("supervisord",), "", "")
    waiting = tuple(program.name for program in programs if program.state != "RUNNING")
    verdict = str(files.report(paths.health_report).get("verdict", ""))
    return Standing(waiting, verdict, owner(settings), settings.lb.floating)


def owner(settings: Settings) -> str:
    """The node that says it holds the VIP; with unknown peers, whoever answers ARP for it."""
    for node in (settings.cluster.node, *settings.cluster.peers):
        status = ask(node.address)
        if status.get("holds_vip") and status.get("vip") == settings.vip.address:
            return f"{node.name} ({node.address})"
    if settings.cluster.peers:
        return ""
    macs = network.owners(settings.vip.interface, settings.vip.address, requests=1)
    return f"another node, MAC {', '.join(macs)}" if macs else ""


def explain(paths: Paths, standing: Standing) -> str:
    """Why a start is not complete. Raises EngineError when a program does not run."""
    if standing.waiting:
        logs = ", ".join(f"{paths.log}/{name.rpartition(':')[2]}.log" for name in standing.waiting)
        raise EngineError(f"{', '.join(standing.waiting)} did not start within {DEADLINE_S:g} s: see {logs}")
    if not standing.serves:
        reasons = "; ".join(map(str, files.report(paths.health_report).get("reasons", [])))
        return f"the load balancer does not serve yet: {reasons or f'no report in {paths.health_report}'}"
    return f"no node has taken the VIP within {DEADLINE_S:g} s"


def _digest(path: Path) -> str:
    text = files.read(path)
    return hashlib.sha256(text.encode()).hexdigest() if text else ""
