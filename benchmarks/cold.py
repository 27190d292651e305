"""What one cold pass costs: CPU of `appliance-lb once`, of all its children too, in an empty folder.

`python benchmarks/cold.py` has a Marathon in another process answer with apps of 4 tasks, a vhost and an HTTP
check each. `--peer CMD`: any program with marathon-lb's flags is run by turns with ours. `imports` is what a
Python costs that only loads requests and jinja2: the machine's speed. Prints a table and writes
build/bench/cold.json; exits 1 above the limits.
"""

from __future__ import annotations

import argparse
import compileall
import json
import resource
import shlex
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marathon import feeder, scale, table

import appliance
from appliance import commands, templating

if TYPE_CHECKING:
    from collections.abc import Sequence

TASKS = 4
LIMITS_S = {1000: 0.5, 5000: 1.5}
"""User and system time by the number of apps."""
ROUNDS = 3
OURS = (str(Path(sys.executable).with_name("appliance-lb")), "once")
RESULTS = Path("build/bench/cold.json")


def used_s() -> float:
    """CPU of all children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def imports_s() -> float:
    """The best of some starts."""
    found = []
    for _ in range(ROUNDS):
        before = used_s()
        commands.run([sys.executable, "-c", "import requests, jinja2"])
        found.append(used_s() - before)
    return min(found)


def one_pass(words: Sequence[str], url: str, apps: int) -> float:
    """Seconds of CPU for one configuration, written to a folder that holds nothing yet."""
    with tempfile.TemporaryDirectory(prefix="bench-cold-") as folder:
        config = Path(folder) / "haproxy.cfg"
        flags = ["-m", url, "--group", "*", "--haproxy-config", config, "--skip-validation"]
        before = used_s()
        done = commands.run([*words, *flags, "--command", "true"], cwd=Path(folder), timeout_s=300)
        cost_s = used_s() - before
        if done.code != 0 or not config.exists():
            raise SystemExit(f"{words[0]} wrote no configuration: {done.message}")
        servers = sum(line.lstrip().startswith("server ") for line in config.read_text().splitlines())
        if servers < apps * TASKS:
            raise SystemExit(f"{words[0]} wrote {servers} servers for {apps} apps of {TASKS} tasks")
    return cost_s


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", metavar="CMD", help="a program with marathon-lb's flags, run beside ours")
    parser.add_argument("--sizes", type=int, nargs="+", default=tuple(LIMITS_S), metavar="APPS")
    asked = parser.parse_args()
    programs = {"ours": OURS, **({"peer": tuple(shlex.split(asked.peer))} if asked.peer else {})}
    compileall.compile_dir(Path(appliance.__file__).parent, quiet=1)  # as where it is installed
    templating.compile_all()
    start_s = round(imports_s(), 3)
    rows: list[dict[str, Any]] = [{"program": "imports", "apps": 0, "cpu_s": start_s, "best_s": start_s}]
    with feeder() as url:
        for apps in asked.sizes:
            scale(url, apps, TASKS)
            turns = [
                {name: one_pass(words, url, apps) for name, words in programs.items()} for _ in range(ROUNDS)
            ]
            for name in programs:
                median_s = statistics.median(turn[name] for turn in turns)
                best_s = min(turn[name] for turn in turns)
                rows.append(
                    {"program": name, "apps": apps, "cpu_s": round(median_s, 3), "best_s": round(best_s, 3)}
                )
    print(table(rows))
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"\nwritten: {RESULTS}")
    missed = [
        row for row in rows if row["program"] == "ours" and row["cpu_s"] > LIMITS_S.get(row["apps"], 1e9)
    ]
    for row in missed:
        print(f"above the limit of {LIMITS_S[row['apps']]} s: {row['apps']} apps took {row['cpu_s']} s")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
