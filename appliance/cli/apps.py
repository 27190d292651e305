"""`appliance apps`: what is served for each app on this node, and what is not, with the reason."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import UsageError
from appliance.paths import Paths
from appliance.status import apps

if TYPE_CHECKING:
    from appliance.cli.command import Parser

FINE, DEGRADED = 0, 2
DESCRIPTION = """Lists each app with its services: backend, mode, port, virtual hosts, servers that are up;
what is quarantined and why; and notices. An app that is named is shown with each server.

Exit code 2: something is quarantined. 3: the generator does not run here."""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    made = commands.add_parser(
        "apps",
        help="apps, their routes and servers, and what is quarantined",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("app", nargs="*", metavar="ID", help="only these apps, with each server")
    made.add_argument("-f", "--format", choices=("table", "json"), default="table")
    made.add_argument(
        "--socket", type=Path, metavar="FILE", help="of a generator that is not this node's: lb.sock"
    )
    made.set_defaults(call=_apps)


def _apps(arguments: argparse.Namespace) -> int:
    listing = apps.ask(arguments.socket or Paths.of(arguments.root).lb_socket)
    wanted = tuple(f"/{app_id.lstrip('/')}" for app_id in arguments.app)
    known = {app["id"] for app in listing["apps"]}
    missing = [app_id for app_id in wanted if app_id not in known]
    if missing:
        raise UsageError(f"no app {missing[0]} is served here: 'appliance apps' lists those that are")
    if wanted:
        listing["apps"] = [app for app in listing["apps"] if app["id"] in wanted]
    if arguments.format == "json":
        print(json.dumps(listing, indent=2))
    else:
        print("\n".join(apps.lines(listing, wanted)) or "no app is served here")
    return DEGRADED if any(app["quarantined"] for app in listing["apps"]) else FINE
