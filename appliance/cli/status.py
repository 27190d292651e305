"""`appliance status` and `appliance events`: what is, and what happened."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING

from appliance import settings
from appliance.errors import ForbiddenError
from appliance.paths import Paths
from appliance.status import alarms, cluster, document, events, table
from appliance.status.alarms import Level

if TYPE_CHECKING:
    from appliance.cli.command import Parser
    from appliance.settings import Settings
    from appliance.status.cluster import View

CLEAR = "\033[H\033[2J"
FINE, DEGRADED, NOT_RUNNING, NO_OWNER = 0, 2, 3, 4


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    status = commands.add_parser("status", help="all nodes, who owns the VIP, and why")
    status.add_argument("-f", "--format", choices=("table", "json"), default="table")
    status.add_argument("-w", "--watch", type=_seconds, metavar="S", help="again every S seconds, until ^C")
    status.add_argument("--json-schema", action="store_true", help="what -f json promises, as JSON schema")
    status.set_defaults(call=_status)
    recent = commands.add_parser("events", help="what happened on this node")
    recent.add_argument("-n", "--number", type=int, default=20, metavar="N", help="the last N (20)")
    recent.add_argument("--json", action="store_true", help="one JSON object a line")
    recent.set_defaults(call=_events)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 86400:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of seconds between 0.1 and 86400")
    return seconds


def _status(arguments: argparse.Namespace) -> int:
    if arguments.json_schema:
        print(document.SCHEMA_FILE.read_text(encoding="utf-8"), end="")
        return FINE
    wanted = settings.load(Paths.of(arguments.root).settings)
    code = _show(wanted, arguments.format)
    while arguments.watch:
        time.sleep(arguments.watch)
        if sys.stdout.isatty():
            print(CLEAR, end="")
        code = _show(wanted, arguments.format)
    return code


def _show(wanted: Settings, form: str) -> int:
    view = cluster.ask(wanted)
    if form == "json":
        print(json.dumps(document.document(view, time.time()), indent=2), flush=True)
    else:
        print("\n".join(table.lines(view)), flush=True)
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
    worse = any(alarms.kind(alarm.id).level is not Level.NOTICE for alarm in view.alarms)
    return DEGRADED if worse else FINE


def _events(arguments: argparse.Namespace) -> int:
    path = Paths.of(arguments.root).events
    try:
        spoilt = events.left_out(path)
    except OSError as error:
        raise ForbiddenError(f"{path} cannot be read: {error.strerror}") from None
    if spoilt:
        print(f"appliance: {path}: {spoilt} lines are no events and are left out", file=sys.stderr)
    for event in events.recent(path, arguments.number):
        if arguments.json:
            print(json.dumps(event))
        else:
            print(f"{table.rfc3339(event['at'])}  {event['kind']:<10}  {event['message']}")
    return 0
