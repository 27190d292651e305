"""Where the launcher arrives: its own name, in argv, says which command is meant."""

from __future__ import annotations

import compileall
import importlib
import shutil
import sys
from pathlib import Path

COMMANDS = {
    "appliance": "appliance.cli.appliance",
    "appliance-setup": "appliance.cli.setup",
    "appliance-lb": "appliance.cli.lb",
    "supervisord": "supervisor.supervisord",
    "supervisorctl": "supervisor.supervisorctl",
}


def precompile() -> int:
    """Byte code for this Python, in place of any other's: it makes the commands start five times as fast."""
    if sys.pycache_prefix:
        shutil.rmtree(sys.pycache_prefix, ignore_errors=True)
    compileall.compile_dir(Path(__file__).resolve().parent, quiet=2, maxlevels=20)
    return 0


def main() -> int:
    del sys.argv[0]
    name = Path(sys.argv[0]).name
    if name == "precompile":
        return precompile()
    return int(importlib.import_module(COMMANDS[name]).main() or 0)


sys.exit(main())
