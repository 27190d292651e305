"""`appliance run PROGRAM`: what supervisord and systemd call."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from appliance import log
from appliance.paths import Paths

if TYPE_CHECKING:
    import argparse

    from appliance.cli.command import Parser

PROGRAMS = {
    "health": "looks at HAProxy and gives the verdict",
    "vrrp": "keepalived's configuration and its transitions",
    "agent": "answers on port 9099",
    "supervisord": "prepares the folders, then becomes supervisord",
}


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    run = commands.add_parser("run", help="one of the node's programs, in the foreground")
    programs = run.add_subparsers(title="programs", metavar="PROGRAM", required=True)
    for name, text in PROGRAMS.items():
        programs.add_parser(name, help=text).set_defaults(call=_run, program=name)


def _run(arguments: argparse.Namespace) -> int:
    log.configure()
    # Imported only now: health shall not carry the agent's libraries in its memory.
    program = importlib.import_module(f"appliance.programs.{arguments.program}")
    return int(program.main(Paths.of(arguments.root)))
