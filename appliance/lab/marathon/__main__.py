"""`python -m appliance.lab.marathon --config FILE`: run until SIGTERM or SIGINT.

FILE is JSON::

    {"address": "10.77.0.233", "port": 8080, "mesos_port": 5050,
     "agents": [{"name": "slave-1", "address": "10.77.0.237", "netns": "mha-slave-1"}],
     "control_port": 8070, "masters": 1, "flavours": ["1.8"], "tls": false, "scale": [0, 0],
     "timing": {"session_s": 10, "election_s": 5, "wait_s": 2.75},
     "credentials": "user:password", "mesos_credentials": "user:password",
     "dialect": "new", "heartbeat_s": 10}

Only `address` and `agents` are needed; the other keys are the arguments of `server.Marathon`.
It prints `ready` on stdout once every port listens.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from appliance.errors import ApplianceError, MissingError, SettingsError
from appliance.lab.marathon.election import Timing
from appliance.lab.marathon.model import Agent
from appliance.lab.marathon.server import Marathon

if TYPE_CHECKING:
    from collections.abc import Sequence


def read(path: Path) -> Marathon:
    """The Marathon that a configuration file describes, listening. Raises SettingsError, MissingError."""
    try:
        given = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} is no readable JSON: {error}") from error
    try:
        agents = [Agent(**each) for each in given.pop("agents")]
        options = {"port": 8080, "mesos_port": 5050, **given}
        if "timing" in options:
            options["timing"] = Timing(**options["timing"])
        return Marathon(agents, **options)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise SettingsError(f"{path} does not describe a Marathon: {error}") from error
    except OSError as error:
        raise MissingError(f"cannot listen at the address and ports of {path}: {error}") from error


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m appliance.lab.marathon", description="Marathon for the lab."
    )
    parser.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="JSON: where to listen, agents"
    )
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with read(parser.parse_args(argv).config):
            print("ready", flush=True)
            stop.wait()
    except ApplianceError as error:
        print(f"lab marathon: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
