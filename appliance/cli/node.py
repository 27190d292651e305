"""`appliance node` and `trust`: this node as a whole, and what it knows of its peers."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from appliance import settings
from appliance.cli import command
from appliance.cli.orders import Seen, need_health, no_other_works, node_called
from appliance.errors import ApplianceError
from appliance.health import orders, reports
from appliance.paths import Paths
from appliance.setup import start, systemd
from appliance.setup.supervisor import Supervisor
from appliance.trust import Trust

if TYPE_CHECKING:
    import argparse

    from appliance.cli.command import Parser
    from appliance.settings import Settings

HAND_OVER_DEADLINE_S = 5.0
STOP_DEADLINE_S = 45.0
IN_EXEC_STOP = "MAINPID"
"""systemd sets it for ExecStop= (systemd.exec): it then ends the processes itself."""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    node = commands.add_parser("node", help="start or stop this node")
    verbs = node.add_subparsers(title="verbs", metavar="VERB", required=True)
    stop = verbs.add_parser("stop", help="end all its programs")
    stop.add_argument("--graceful", action="store_true", help="hand the VIP over first, at most 5 s")
    stop.set_defaults(call=_stop)
    verbs.add_parser("start", help="start them again").set_defaults(call=_start)
    trust = commands.add_parser("trust", help="believe what a node shows now: after it was set up anew")
    trust.add_argument("node", metavar="NODE", help="its name or address")
    trust.set_defaults(call=_trust)


def _stop(arguments: argparse.Namespace) -> int:
    command.need_root("appliance node stop")
    paths = Paths.of(arguments.root)
    if arguments.graceful and reports.lives(paths):
        print(hand_over(paths, settings.load(paths.settings)))
    if IN_EXEC_STOP in os.environ:
        return 0
    if start.managed(paths):
        systemd.call("stop", systemd.UNIT)
    else:
        _shut_down(Supervisor(paths.supervisor_socket))
    print("stopped")
    return 0


def _shut_down(supervisor: Supervisor) -> None:
    supervisor.shutdown()
    end = time.monotonic() + STOP_DEADLINE_S
    while supervisor.running():
        if time.monotonic() > end:
            raise ApplianceError(f"the programs have not ended within {STOP_DEADLINE_S:g} s")
        time.sleep(0.1)


def hand_over(paths: Paths, wanted: Settings) -> str:
    """Leave the VIP to another node, if one can take it. Until the next start this node counts as drained."""
    seen = Seen(paths, wanted, wanted.cluster.node)
    held = seen.held()
    vip = " and ".join(held or [it.address for it in wanted.vips])
    if not held:
        orders.give(paths.leaving)
        return f"the VIP {vip} is not on this node"
    refusal = no_other_works(wanted, wanted.cluster.node)
    if refusal:
        return f"the VIP {vip} is given up without a successor: {refusal}"
    started = time.monotonic()
    orders.give(paths.leaving)
    if not seen.wait(lambda: not seen.held(), HAND_OVER_DEADLINE_S):
        return f"no other node has taken the VIP {vip} within {HAND_OVER_DEADLINE_S:g} s"
    return f"another node has the VIP {vip} after {(time.monotonic() - started) * 1000:.0f} ms"


def _start(arguments: argparse.Namespace) -> int:
    command.need_root("appliance node start")
    paths = Paths.of(arguments.root)
    settings.load(paths.settings)
    if start.running(paths) and not paths.leaving.exists():
        print("runs already")
        return 0
    start.start(paths)
    standing = start.wait(paths, settings.load(paths.settings))
    if not standing.complete:
        raise ApplianceError(f"started, but {start.explain(paths, standing)}")
    print(f"started; the VIP is on {standing.owner}")
    return 0


def _trust(arguments: argparse.Namespace) -> int:
    command.need_root("appliance trust")
    paths = Paths.of(arguments.root)
    wanted = settings.load(paths.settings)
    node = node_called(wanted, arguments.node)
    need_health(paths)
    known = Trust(paths).forget(node.address)
    print(
        f"{node.name} is believed as it shows itself next" if known else f"nothing was known of {node.name}"
    )
    return 0
