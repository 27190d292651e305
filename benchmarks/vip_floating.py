"""Floating mode: how long after the load balancer is healthy elsewhere does the VIP answer?

The node on which Marathon runs the load balancer loses its power. When Marathon has started it on another
node is Mesos' business (in the lab at once, on a cluster after `agent_ping_timeout`), so that is not counted:
a trial's figure begins with the first good answer of an app on that node's own address, and ends with the
first good answer on the VIP. Clients ask each address by a fresh connection every 5 ms.

`make bench` runs it; prints a row and writes build/bench/vip_floating.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import commands
from appliance.lab import floating, tutorial
from appliance.lab.lab import Lab
from appliance.lab.load import OK

if TYPE_CHECKING:
    from appliance.lab.load import Request
    from appliance.lab.topology import Machine

INTERVAL_MS = 5.0
AROUND_S = 1.0
READY_S = 60.0


def trial(lab: Lab) -> dict[str, float]:
    """One power loss. `after_healthy_ms` is the figure, `outage_ms` the whole time without the service."""
    victim = lab.wait("the VIP where Marathon runs the load balancer", lambda: _ready(lab), READY_S)
    others = [slave for slave in lab.topology.slaves if slave != victim]
    with ExitStack() as stack:
        at_vip = stack.enter_context(lab.load(interval_ms=INTERVAL_MS))
        at_nodes = [
            stack.enter_context(lab.load(f"http://{other.address}/", interval_ms=INTERVAL_MS))
            for other in others
        ]
        time.sleep(AROUND_S)
        cut_at = time.time()
        lab.fault("power-off", victim.name)
        lab.wait("the VIP elsewhere", lambda: floating.followed(lab) not in (None, victim), READY_S)
        time.sleep(AROUND_S)
        vip, *nodes = [running.stop()[0] for running in (at_vip, *at_nodes)]
    lab.fault("power-on", victim.name)
    healthy_at = min(ended for requests in nodes for ended in _good(requests) if ended >= cut_at)
    answers = _good(vip)
    lost_at, back_at = max(zip(answers, answers[1:]), key=lambda pair: pair[1] - pair[0])
    # The VIP waits for HAProxy only, not for an app: its client may see the app's first answer first.
    return {
        "after_healthy_ms": round(max(0.0, 1000 * (back_at - healthy_at)), 1),
        "outage_ms": round(1000 * (back_at - lost_at), 1),
    }


def _good(requests: list[Request]) -> list[float]:
    """When each good answer was complete, in order."""
    return sorted(request.ended for request in requests if request.outcome == OK)


def _ready(lab: Lab) -> Machine | None:
    """The node with both, once all nodes are up and an app answers on the VIP."""
    up = all(lab.status(slave) for slave in lab.topology.slaves)
    return floating.followed(lab) if up and lab.get("/").status == 200 else None


def measure(trials: int) -> dict[str, object]:
    """All trials in a lab of their own."""
    appliance = Path(sys.executable).with_name("appliance")
    up = commands.run([appliance, "lab", "up", "--mode", "floating"], timeout_s=180)
    if up.code != 0:
        raise SystemExit(up.message)
    try:
        lab = Lab.running()
        lab.deploy({**tutorial.nginx("bench"), "instances": 3})
        found = [trial(lab) for _ in range(trials)]
    finally:
        commands.run([appliance, "lab", "down"], timeout_s=60)
    figures = [each["after_healthy_ms"] for each in found]
    return {
        "after_healthy_ms": {"median": round(statistics.median(figures), 1), "worst": max(figures)},
        "outage_ms": {"median": round(statistics.median(each["outage_ms"] for each in found), 1)},
        "trials": found,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("build/bench/vip_floating.json"))
    arguments = parser.parse_args()
    found = measure(arguments.trials)
    print(f"floating mode, its node dies: {json.dumps(found['after_healthy_ms'])} ms after it is healthy")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"cpus": os.cpu_count(), **found}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
