"""`appliance switchover`: the VIP to a node that one chooses, for as long as that one is healthy."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from appliance import settings
from appliance.cli import command
from appliance.cli.orders import Seen, give_all, need_health, node_called, refuse_while_paused, works
from appliance.errors import ApplianceError
from appliance.health.verdict import Verdict
from appliance.paths import Paths
from appliance.status import cluster

if TYPE_CHECKING:
    import argparse

    from appliance.cli.command import Parser
    from appliance.settings import Node, Settings
    from appliance.status.cluster import Row, View

DEADLINE_S = 10.0


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    switchover = commands.add_parser("switchover", help="give the VIP to another node, and let it stay there")
    which = switchover.add_mutually_exclusive_group()
    which.add_argument(
        "--to", default="", metavar="NODE", help="its name or address (default: the next best)"
    )
    which.add_argument("--back", action="store_true", help="let the ranks decide again")
    switchover.add_argument("--force", action="store_true", help="also to a degraded node")
    switchover.set_defaults(call=_switchover)


def _switchover(arguments: argparse.Namespace) -> int:
    command.need_root("appliance switchover")
    paths = Paths.of(arguments.root)
    wanted = settings.load(paths.settings)
    need_health(paths)
    refuse_while_paused(paths)
    view = cluster.ask(wanted)
    row = _by_rank(view) if arguments.back else _target(view, wanted, arguments.to)
    refusal = refused(row, force=arguments.force)
    if refusal and not arguments.back:
        raise ApplianceError(refusal)
    if row.holds and not arguments.back:
        print(f"the VIP {wanted.vip.address} is on {row.name} already")
        return 0
    return _move(paths, wanted, node_called(wanted, row.address), view, arguments)


def refused(row: Row, *, force: bool) -> str:
    """Why the VIP may not go there; '' if it may."""
    if not row.facts:
        return f"{row.name} does not answer: {row.problem}"
    if not works(row):
        return f"{row.name} cannot take the VIP: {row.arithmetic}"
    if row.verdict is Verdict.DEGRADED and not force:
        return f"{row.name} is degraded: {', '.join(row.reasons)}; --force gives it the VIP all the same"
    return ""


def _target(view: View, wanted: Settings, to: str) -> Row:
    """Raises ApplianceError, UsageError."""
    if to:
        address = node_called(wanted, to).address
        return next(row for row in view.rows if row.address == address)
    others = [row for row in view.rows if not row.holds and not refused(row, force=False)]
    if not others:
        sums = ", ".join(row.arithmetic for row in view.rows if not row.holds)
        raise ApplianceError(f"no other node is healthy ({sums or 'no other node is known here'})")
    return others[0]


def _by_rank(view: View) -> Row:
    """Who wins when nobody yields."""
    able = sorted(filter(works, view.rows), key=lambda row: row.verdict is Verdict.DEGRADED)
    return able[0] if able else view.rows[0]


def _move(paths: Paths, wanted: Settings, node: Node, view: View, arguments: argparse.Namespace) -> int:
    before = " and ".join(row.name for row in view.owners) or "no node"
    seen, started = Seen(paths, wanted, node), time.monotonic()
    order = {"address": "", "name": ""} if arguments.back else {"address": node.address, "name": node.name}
    troubles = give_all(paths, wanted, node, order="prefer", insists=arguments.force, **order)
    for name, trouble in troubles.items():
        print(f"appliance: {name} was not told, so it may take the VIP: {trouble}", file=sys.stderr)
    if not seen.wait(seen.holds, DEADLINE_S):
        if not arguments.back:
            give_all(paths, wanted, node, order="prefer", address="", name="")
        raise ApplianceError(
            f"{node.name} has not taken the VIP within {DEADLINE_S:g} s; all is as before: appliance status"
        )
    if before == node.name:
        print(f"the VIP {wanted.vip.address} stays on {before}: the ranks decide again")
        return 1 if troubles else 0
    took_ms = (time.monotonic() - started) * 1000
    print(f"the VIP {wanted.vip.address} went from {before} to {node.name} within {took_ms:.0f} ms")
    return 1 if troubles else 0
