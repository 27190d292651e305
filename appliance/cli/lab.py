"""`appliance lab …`: three nodes on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from appliance.cli.command import Parser


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    commands.add_parser("lab", help="three nodes on this machine, in network namespaces")
