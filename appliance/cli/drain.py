"""`appliance drain`, `undrain`, `maintenance`: take a node out without losing a request, and back in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from appliance import settings
from appliance.cli import command, moment
from appliance.cli.orders import (
    Seen,
    give,
    need_health,
    no_other_works,
    node_called,
    refuse_while_paused,
)
from appliance.errors import ApplianceError
from appliance.health.verdict import Verdict
from appliance.paths import Paths
from appliance.status import cluster

if TYPE_CHECKING:
    import argparse

    from appliance.cli.command import Parser
    from appliance.settings import Node, Settings

DRAIN_DEADLINE_S = 10.0
LONE_DEADLINE_S = 1.0
"""Enough for a peer whose load balancer does not work but which still ranks higher now."""
UNDRAIN_DEADLINE_S = 10.0
DRAINED = {Verdict.DRAINING.name, Verdict.DRAINING_DEGRADED.name, Verdict.NO_LB_DRAINING.name}


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    drain = commands.add_parser("drain", help="hand the VIP over without a failed request; survives a reboot")
    _add_drain(drain)
    drain.set_defaults(call=_drain, until=None)
    undrain = commands.add_parser("undrain", help="take part again")
    undrain.add_argument("--node", default="", metavar="NODE", help="another node's name or address")
    undrain.set_defaults(call=_undrain)
    maintenance = commands.add_parser("maintenance", help="a drain that may end by itself")
    switch = maintenance.add_subparsers(title="switch", metavar="on|off", required=True)
    on = switch.add_parser("on", help="hand the VIP over; over reboots, until 'off' or --until")
    _add_drain(on)
    on.add_argument("--until", type=moment.moment, metavar="WHEN", help="14:30, 2026-12-24T08:00, or +90m")
    on.set_defaults(call=_drain)
    off = switch.add_parser("off", help="take part again")
    off.add_argument("--node", default="", metavar="NODE", help="another node's name or address")
    off.set_defaults(call=_undrain)


def _add_drain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--node", default="", metavar="NODE", help="another node's name or address")
    parser.add_argument("--reason", default="", metavar="TEXT", help="shown in status while it lasts")
    parser.add_argument("--force", action="store_true", help="even if no other node can take the VIP")


def _drain(arguments: argparse.Namespace) -> int:
    command.need_root("appliance drain")
    paths = Paths.of(arguments.root)
    wanted = settings.load(paths.settings)
    node = node_called(wanted, arguments.node)
    need_health(paths)
    refuse_while_paused(paths)
    refusal = no_other_works(wanted, node)
    if refusal and not arguments.force:
        raise ApplianceError(f"{refusal}; --force drains all the same")
    order = {"reason": arguments.reason}
    if arguments.until is not None:
        order["until"] = arguments.until
    print(drained(paths, wanted, node, refusal, order))
    return 0


def drained(paths: Paths, wanted: Settings, node: Node, refusal: str, order: dict[str, Any]) -> str:
    """Drain `node` and wait for what comes of it. `refusal`: why it might keep the VIP.

    Raises ApplianceError when it is drained, but did not do as it should.
    """
    seen = Seen(paths, wanted, node)
    place = "this node" if node == wanted.cluster.node else node.name
    held, started = seen.held(), time.monotonic()
    vip = " and ".join(held or [it.address for it in wanted.vips])
    give(paths, wanted, node, order="drain", **order)
    if not seen.wait(lambda: seen.verdict() in DRAINED, DRAIN_DEADLINE_S):
        raise ApplianceError(
            "drained, but the health program has not said so within 10 s: see appliance status"
        )
    if not held:
        return f"drained; the VIP {vip} was not on {place}"
    if not seen.wait(lambda: not seen.held(), LONE_DEADLINE_S if refusal else DRAIN_DEADLINE_S):
        if refusal:
            return f"drained; the VIP {vip} stays here, for no other node takes it"
        raise ApplianceError(f"drained, but the VIP {vip} is still on {place}: see appliance status")
    took_ms = (time.monotonic() - started) * 1000
    rows = cluster.ask(wanted).rows
    takers = [row.name for row in rows if any(row.of_vip(it).get("holds") for it in held)]
    owners = " and ".join(takers) or "another node"
    return f"drained; the VIP {vip} left {place} after {took_ms:.0f} ms and is on {owners}"


def _undrain(arguments: argparse.Namespace) -> int:
    command.need_root("appliance undrain")
    paths = Paths.of(arguments.root)
    if not arguments.node and not paths.drain.exists():
        print("this node is not drained")
        return 0
    wanted = settings.load(paths.settings)
    node = node_called(wanted, arguments.node)
    seen, started = Seen(paths, wanted, node), time.monotonic()
    give(paths, wanted, node, order="undrain")
    if node == wanted.cluster.node:
        need_health(paths)
    if seen.wait(lambda: seen.verdict() == Verdict.HEALTHY.name, UNDRAIN_DEADLINE_S):
        print(f"undrained; healthy after {(time.monotonic() - started) * 1000:.0f} ms")
        return 0
    print(
        f"undrained, but not healthy: {', '.join(seen.health().get('reasons') or ['no report from health'])}"
    )
    return 2
