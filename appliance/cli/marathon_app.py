"""`appliance marathon-app`: the load balancer as an app, ready to be posted to Marathon."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from appliance import settings as toml
from appliance.errors import UsageError
from appliance.paths import Paths
from appliance.settings import Access, LoadBalancer, Marathon
from appliance.setup import app, render

if TYPE_CHECKING:
    from appliance.cli.command import Parser

DESCRIPTION = """Prints the app by which Marathon runs our load balancer on one slave at a time, as it would
run marathon-lb's image. On slaves set up by 'appliance-setup --mode floating' the VIP follows it.
Masters, groups and options are this node's, unless they are given here.

  appliance marathon-app > marathon-lb.json
  curl -i -H 'Content-Type: application/json' MARATHON:8080/v2/apps -d@marathon-lb.json"""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    made = commands.add_parser(
        "marathon-app",
        help="our load balancer as an app of Marathon's, as JSON",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--marathon", "-m", nargs="+", action="extend", default=[], metavar="URL", help="all masters"
    )
    made.add_argument("--group", action="append", default=[], metavar="NAME", help="HAPROXY_GROUP to serve")
    made.add_argument("--id", default=app.ID, metavar="ID", help=f"of the app ({app.ID})")
    made.set_defaults(call=_print)


def _print(arguments: argparse.Namespace) -> int:
    paths = Paths.of(arguments.root)
    own = toml.load(paths.settings) if paths.settings.exists() else None
    marathon, lb, access = (
        (own.marathon, own.lb, own.access) if own else (Marathon(()), LoadBalancer(), Access())
    )
    if arguments.marathon:
        marathon = Marathon(tuple(arguments.marathon))
    if not marathon.urls:
        raise UsageError("which Marathon? this node is not set up: give --marathon URL")
    lb = replace(lb, groups=tuple(arguments.group) or lb.groups)
    made = app.definition(render.scripts() / "appliance-lb", marathon, lb, access, arguments.id)
    print(json.dumps(made, indent=2))
    return 0
