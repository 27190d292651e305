"""`appliance pause` and `resume`: every node keeps the priority that it has."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from appliance import settings
from appliance.cli import command
from appliance.cli.orders import Seen, give_all, need_health
from appliance.paths import Paths

if TYPE_CHECKING:
    import argparse

    from appliance.cli.command import Parser

DEADLINE_S = 5.0


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    pause = commands.add_parser(
        "pause", help="freeze all priorities: no failure moves the VIP but a node's own"
    )
    pause.add_argument("--reason", default="", metavar="TEXT", help="recorded in the events")
    pause.set_defaults(call=lambda arguments: _all(arguments, True, order="pause", reason=arguments.reason))
    resume = commands.add_parser("resume", help="let priorities follow health again")
    resume.set_defaults(call=lambda arguments: _all(arguments, False, order="resume"))


def _all(arguments: argparse.Namespace, paused: bool, **order: Any) -> int:
    """Exit code 1 if a node did not follow."""
    command.need_root(f"appliance {order['order']}")
    paths = Paths.of(arguments.root)
    wanted = settings.load(paths.settings)
    need_health(paths)
    troubles = give_all(paths, wanted, wanted.cluster.node, **order)
    done = []
    for node in wanted.cluster.nodes:
        seen = Seen(paths, wanted, node)
        if node.name in troubles:
            continue
        if seen.wait(lambda seen=seen: seen.health().get("paused") is paused, DEADLINE_S):  # type: ignore[misc]
            done.append(node.name)
        else:
            troubles[node.name] = "was told, but its health program does not follow"
    print(f"{'frozen' if paused else 'follows health again'}: {', '.join(done) or 'no node'}")
    for name, trouble in troubles.items():
        print(f"appliance: {name} is as before: {trouble}", file=sys.stderr)
    return 1 if troubles else 0
