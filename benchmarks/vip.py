"""How long clients wait when the VIP moves, in the lab on this machine.

`make bench` runs it: ten trials a fault, a client in its own namespace that opens a fresh connection every
10 ms, whatever became of the ones before. The outage of a trial is the longest time between two good answers;
without a fault it is about the interval. Prints a table and writes build/bench/vip.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Callable

from appliance import commands
from appliance.lab.lab import Lab

if TYPE_CHECKING:
    from appliance.lab.load import Summary
    from appliance.lab.topology import Machine

APP = {
    "id": "bench",
    "labels": {"HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": "bench.example.com"},
    "instances": 3,
    "cpus": 0.1,
    "mem": 16,
    "healthChecks": [{"path": "/"}],
    "container": {
        "type": "DOCKER",
        "docker": {
            "image": "nginx",
            "network": "BRIDGE",
            "portMappings": [{"containerPort": 80, "hostPort": 0, "servicePort": 80}],
        },
    },
}


AROUND_S = 1.0
"""Load before the fault, and after the new owner is seen."""


def nothing(_lab: Lab, _owner: Machine) -> None:
    """The baseline: what the client measures when nothing happens."""


def kill_haproxy(lab: Lab, owner: Machine) -> None:
    lab.fault("kill-haproxy", owner.name)
    lab.wait("another owner", lambda: lab.owner() not in (None, owner))


def drain(lab: Lab, owner: Machine) -> None:
    done = lab.exec(owner.name, "appliance", "drain", "--reason", "benchmark")
    if done.code != 0:
        raise SystemExit(f"drain failed: {done.message}")


def undrain(lab: Lab, owner: Machine) -> None:
    lab.exec(owner.name, "appliance", "undrain")


def power_off(lab: Lab, owner: Machine) -> None:
    lab.fault("power-off", owner.name)
    lab.wait("another owner", lambda: lab.owner() not in (None, owner))


def power_on(lab: Lab, owner: Machine) -> None:
    lab.fault("power-on", owner.name)


FAULTS: dict[str, tuple[Callable[[Lab, Machine], None], Callable[[Lab, Machine], None]]] = {
    "nothing": (nothing, nothing),
    "haproxy killed -9": (kill_haproxy, nothing),
    "drain": (drain, undrain),
    "power off": (power_off, power_on),
}


def ready(lab: Lab) -> Machine | None:
    """The owner, once it and another node are healthy. A node that failed often is held down for a while."""
    owner = lab.owner()
    healthy = [slave for slave in lab.topology.slaves if lab.verdict(slave) == "HEALTHY"]
    return owner if owner in healthy and len(healthy) > 1 else None


def trial(lab: Lab, name: str) -> Summary:
    """One fault on the owner, whichever node that is, under load."""
    strike, repair = FAULTS[name]
    owner = lab.wait("a healthy owner and a healthy peer", lambda: ready(lab), 90)
    with lab.load() as load:
        time.sleep(AROUND_S)
        strike(lab, owner)
        time.sleep(AROUND_S)
        _, summary = load.stop()
    repair(lab, owner)
    return summary


def figures(summaries: list[Summary]) -> dict[str, object]:
    gaps = [summary.longest_gap_ms for summary in summaries]
    return {
        "outage_ms": {"median": round(statistics.median(gaps), 1), "worst": round(max(gaps), 1)},
        "failed": [summary.failed for summary in summaries],
        "requests": sum(summary.requests for summary in summaries),
        "trials": len(summaries),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--fault", choices=FAULTS, action="append", help="default: all of them")
    parser.add_argument("--out", type=Path, default=Path("build/bench/vip.json"))
    arguments = parser.parse_args()

    appliance = Path(sys.executable).with_name("appliance")
    up = commands.run([appliance, "lab", "up"], timeout_s=180)
    if up.code != 0:
        print(up.message, file=sys.stderr)
        return up.code
    try:
        lab = Lab.running()
        lab.deploy(APP)
        lab.wait("three tasks answer", lambda: lab.get("/").status == 200 and len(lab.tasks("bench")) == 3)
        results = {}
        print(f"{'on the owner':20} {'median':>8} {'worst':>8}  failed requests of all")
        for name in arguments.fault or FAULTS:
            found = figures([trial(lab, name) for _ in range(arguments.trials)])
            results[name] = found
            outage = found["outage_ms"]
            print(
                f"{name:20} {outage['median']:5.0f} ms {outage['worst']:5.0f} ms  "
                f"{sum(found['failed'])} of {found['requests']}",
                flush=True,
            )
    finally:
        commands.run([appliance, "lab", "down"], timeout_s=60)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"cpus": os.cpu_count(), "faults": results}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
