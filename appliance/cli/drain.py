"""`appliance drain` and `undrain`: take a node out without losing a request, and back in."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Callable

from appliance import files, interfaces, settings
from appliance.cli import command
from appliance.errors import ApplianceError, NotRunningError
from appliance.health import reports
from appliance.health.verdict import Verdict
from appliance.paths import Paths
from appliance.status import cluster, events

if TYPE_CHECKING:
    import argparse

    from appliance.cli.command import Parser
    from appliance.settings import Settings

DRAIN_DEADLINE_S = 10.0
LONE_DEADLINE_S = 1.0
"""Enough for a peer whose load balancer does not work but which still ranks higher now."""
UNDRAIN_DEADLINE_S = 10.0
LOOK_S = 0.005
DRAINED = {Verdict.DRAINING.name, Verdict.DRAINING_DEGRADED.name, Verdict.NO_LB_DRAINING.name}


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    drain = commands.add_parser("drain", help="hand the VIP over without a failed request; survives a reboot")
    drain.add_argument("--reason", default="", metavar="TEXT", help="shown in status until undrain")
    drain.add_argument("--force", action="store_true", help="even if no other node can take the VIP")
    drain.set_defaults(call=_drain)
    undrain = commands.add_parser("undrain", help="take part again")
    undrain.set_defaults(call=_undrain)


def _drain(arguments: argparse.Namespace) -> int:
    command.need_root("appliance drain")
    paths = Paths.of(arguments.root)
    wanted = settings.load(paths.settings)
    _need_health(paths)
    refusal = _refusal(wanted)
    if refusal and not arguments.force:
        raise ApplianceError(f"{refusal}; --force drains all the same")
    held = interfaces.holds(wanted.vip.address, wanted.vip.interface)
    started = time.monotonic()
    facts = {"since": time.time(), "reason": arguments.reason}
    files.replace(paths.drain, json.dumps(facts) + "\n")
    events.record(paths.events, "drain", f"drained{': ' if arguments.reason else ''}{arguments.reason}")
    if not _wait(lambda: _verdict(paths) in DRAINED, DRAIN_DEADLINE_S):
        raise ApplianceError(
            "drained, but the health program has not said so within 10 s: see appliance status"
        )
    if not held:
        print(f"drained; the VIP {wanted.vip.address} was not on this node")
        return 0
    deadline_s = LONE_DEADLINE_S if refusal else DRAIN_DEADLINE_S
    if not _wait(lambda: not interfaces.holds(wanted.vip.address, wanted.vip.interface), deadline_s):
        if refusal:
            print(f"drained; the VIP {wanted.vip.address} stays here, for no other node takes it")
            return 0
        raise ApplianceError(f"drained, but the VIP {wanted.vip.address} is still here: see appliance status")
    took_ms = (time.monotonic() - started) * 1000
    owners = " and ".join(row.name for row in cluster.ask(wanted).owners) or "another node"
    print(f"drained; the VIP {wanted.vip.address} left this node after {took_ms:.0f} ms and is on {owners}")
    return 0


def _undrain(arguments: argparse.Namespace) -> int:
    command.need_root("appliance undrain")
    paths = Paths.of(arguments.root)
    if not paths.drain.exists():
        print("this node is not drained")
        return 0
    paths.drain.unlink(missing_ok=True)
    files.sync_folder(paths.drain.parent)
    events.record(paths.events, "drain", "undrained")
    _need_health(paths)
    started = time.monotonic()
    if _wait(lambda: _verdict(paths) == Verdict.HEALTHY.name, UNDRAIN_DEADLINE_S):
        print(f"undrained; healthy after {(time.monotonic() - started) * 1000:.0f} ms")
        return 0
    report = files.report(paths.health_report)
    print(f"undrained, but not healthy: {', '.join(report.get('reasons', ['no report from health']))}")
    return 2


def _need_health(paths: Paths) -> None:
    if not reports.lives(paths):
        raise NotRunningError("the health program does not run on this node: start the appliance first")


def _refusal(wanted: Settings) -> str:
    """Why this node should not be drained now: no other one can take the VIP. Empty: one can."""
    others = [row for row in cluster.ask(wanted).rows if row.address != wanted.cluster.address]
    if any(row.verdict in (Verdict.HEALTHY, Verdict.DEGRADED) for row in others):
        return ""
    known = ", ".join(row.arithmetic for row in others) or "its peers are not known here"
    return f"no other node is healthy ({known})"


def _verdict(paths: Paths) -> str:
    return str(files.report(paths.health_report).get("verdict"))


def _wait(happened: Callable[[], bool], deadline_s: float) -> bool:
    end = time.monotonic() + deadline_s
    while not happened():
        if time.monotonic() >= end:
            return False
        time.sleep(LOOK_S)
    return True
