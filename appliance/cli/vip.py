"""`appliance vip cleanup`: nothing of the VIP stays on a node whose programs have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance import settings
from appliance.cli import command
from appliance.errors import ApplianceError
from appliance.keepalived import service
from appliance.paths import Paths
from appliance.programs.supervisord import clean_up
from appliance.setup import start

if TYPE_CHECKING:
    import argparse

    from appliance.cli.command import Parser


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    vip = commands.add_parser("vip", help="the address itself")
    verbs = vip.add_subparsers(title="verbs", metavar="VERB", required=True)
    cleanup = verbs.add_parser("cleanup", help="take a left-over VIP off; only while nothing of ours runs")
    cleanup.set_defaults(call=_cleanup)


def _cleanup(arguments: argparse.Namespace) -> int:
    command.need_root("appliance vip cleanup")
    paths = Paths.of(arguments.root)
    wanted = settings.load(paths.settings)
    if service.runs(paths) or start.running(paths):
        raise ApplianceError("the appliance runs here and looks after the VIP itself: nothing is taken off")
    removed = clean_up(paths, wanted)
    print(f"taken off: {', '.join(removed)}" if removed else "no VIP was left here")
    return 0
