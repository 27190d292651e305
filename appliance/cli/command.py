"""What all console commands share: a parser with our exit codes, and the last place that catches errors."""

from __future__ import annotations

import argparse
import difflib
import json
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from appliance import __version__
from appliance.errors import ApplianceError, ForbiddenError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_CODES = """exit codes:
  0 fine    1 error    2 would change, or degraded    3 not running
  4 the VIP has no owner    64 usage    69 something needed is missing    77 permission"""


class Parser(argparse.ArgumentParser):
    """argparse, but a wrong command line ends with `usage_code` (sysexits' 64 unless said otherwise)."""

    usage_code = 64

    def error(self, message: str) -> NoReturn:
        prefix, _, unknown = message.partition("unrecognized arguments: ")
        if unknown and not prefix:
            flag = unknown.split()[0].partition("=")[0]
            near = difflib.get_close_matches(flag, self._option_string_actions, n=1)
            message = f"unknown argument {flag}" + (f", did you mean {near[0]}?" if near else "")
        self.exit(self.usage_code, f"{self.prog}: {message}; see {self.prog} --help\n")


def parser(prog: str, description: str) -> Parser:
    made = Parser(
        prog=prog,
        description=description,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--version", action="version", version=f"{prog} {__version__}")
    return made


def run(made: Parser, argv: Sequence[str] | None = None) -> int:
    """Parse, call the chosen command's `call(arguments) -> exit code`, turn errors into one line."""
    arguments = made.parse_args(argv)
    try:
        return int(arguments.call(arguments))
    except ApplianceError as error:
        if getattr(arguments, "format", "") == "json":
            print(json.dumps({"error": {"id": error.id, "text": str(error)}}))
        print(f"{made.prog}: {error}", file=sys.stderr)
        return made.usage_code if isinstance(error, UsageError) else error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def need_root(what: str) -> None:
    """Raise ForbiddenError unless this is root."""
    if os.geteuid() != 0:
        raise ForbiddenError(f"{what} needs root: run it with sudo")
