"""`appliance status` and `appliance events`: what is, and what happened."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from appliance import settings
from appliance.paths import Paths
from appliance.status import cluster, events, table

if TYPE_CHECKING:
    import argparse

    from appliance.cli.command import Parser
    from appliance.status.cluster import View

FINE, DEGRADED, NOT_RUNNING, NO_OWNER = 0, 2, 3, 4


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    status = commands.add_parser("status", help="all nodes, who owns the VIP, and why")
    status.add_argument("-f", "--format", choices=("table", "json"), default="table")
    status.set_defaults(call=_status)
    recent = commands.add_parser("events", help="what happened on this node")
    recent.add_argument("-n", "--number", type=int, default=20, metavar="N", help="the last N (20)")
    recent.add_argument("--json", action="store_true", help="one JSON object a line")
    recent.set_defaults(call=_events)


def _status(arguments: argparse.Namespace) -> int:
    wanted = settings.load(Paths.of(arguments.root).settings)
    view = cluster.ask(wanted)
    if arguments.format == "json":
        print(table.to_json(view))
    else:
        print("\n".join(table.lines(view)))
    code = exit_code(view, wanted.cluster.address)
    if code == NOT_RUNNING:
        print("appliance: not running on this node: its agent does not answer", file=sys.stderr)
    return code


def exit_code(view: View, address: str) -> int:
    """What scripts go by; `address` is this node's."""
    if any(not row.facts for row in view.rows if row.address == address):
        return NOT_RUNNING
    if any(alarm.id == "VIP-NO-OWNER" for alarm in view.alarms):
        return NO_OWNER
    return DEGRADED if view.alarms else FINE


def _events(arguments: argparse.Namespace) -> int:
    for event in events.recent(Paths.of(arguments.root).events, arguments.number):
        if arguments.json:
            print(json.dumps(event))
        else:
            print(f"{table.rfc3339(event['at'])}  {event['kind']:<10}  {event['message']}")
    return 0
