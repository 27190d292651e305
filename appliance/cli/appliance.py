"""`appliance`: what an operator says to a node, and the lab."""

from __future__ import annotations

import sys
from importlib import util
from typing import TYPE_CHECKING

from appliance.cli import (
    apps,
    command,
    config,
    dns,
    doctor,
    drain,
    explain,
    logs,
    marathon_app,
    node,
    pause,
    run,
    status,
    support_bundle,
    switchover,
    vip,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def build() -> command.Parser:
    made = command.parser("appliance", "One virtual IP that is always where a working marathon-lb is.")
    made.add_argument("--root", metavar="DIR", help="all of the node's files lie below DIR (APPLIANCE_ROOT)")
    commands = made.add_subparsers(title="commands", metavar="COMMAND", required=True)
    status.add(commands)
    explain.add(commands)
    apps.add(commands)
    logs.add(commands)
    drain.add(commands)
    switchover.add(commands)
    pause.add(commands)
    node.add(commands)
    vip.add(commands)
    config.add(commands)
    doctor.add(commands)
    support_bundle.add(commands)
    dns.add(commands)
    marathon_app.add(commands)
    run.add(commands)
    if util.find_spec("appliance.lab"):  # a package has none: the lab makes its nodes out of a checkout
        from appliance.cli import lab  # noqa: PLC0415

        lab.add(commands)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    return command.run(build(), argv)


if __name__ == "__main__":
    sys.exit(main())
