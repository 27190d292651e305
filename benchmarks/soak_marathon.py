"""`make soak`: the lab's Marathon misbehaves all the time while its apps change; three nodes have to follow.

It starts the lab with three masters and ends it. Every few seconds it switches on the next fault of all that
there are, for some seconds, while apps with real tasks are created, scaled, deleted, and lose tasks. A client
asks an app that nobody touches. It ends with exit code 1 and what is wrong when

- a node's HAProxy had a server that does not run any more, or lacked one that runs, for more than STALE_S;
- a traceback is in any log, or a program of the appliance is not the process that it was;
- a program's memory grew by more than GROWTH_MB from a quarter of the time to the end;
- the VIP moved for another reason than that its node alone was cut off by the faults (soak_moves.py);
- a request of the client was lost.

Seeded: the order of faults and changes can be repeated. Writes build/bench/soak.json.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from soak_checks import Differences, differences, growth_kb
from soak_lab import CHURNED, STEADY, Marathon, Node, run, running, tracebacks
from soak_moves import Injected, judge

from appliance.errors import ApplianceError
from appliance.lab.interrupted import ended_by_signals
from appliance.lab.marathon.faults.table import KINDS
from appliance.lab.topology import topology
from appliance.lab.up import down, up
from appliance.marathon.feed import STALE_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.lab.lab import Lab

MASTERS = 3
GROWTH_MB = 8
LOOK_S = 0.25
MEMORY_EACH_S = 5.0
INTERVAL_MS = 50
DEADLINE_MS = 2000
CHURNED_ONLY = {"path": "/v2/apps/churn-*"}
"""For answers that are in order and say that an app is served nowhere, or somewhere else."""
OPTIONS: dict[str, dict[str, Any]] = {
    "election-slow": {"election_s": 4.0},
    "stream-burst": {"app": "/churn-0"},
    "content-apps-many": {"count": 100},
    "content-tasks-many": {"count": 200, **CHURNED_ONLY},
    **{
        f"content-{name}": CHURNED_ONLY
        for name in (
            "host-ipv6",
            "host-unknown",
            "labels-missing",
            "labels-null",
            "labels-odd",
            "ports-same",
            "ports-shorter",
            "ports-zero",
            "tasks-missing",
            "unreadable",
            "vhost-odd",
        )
    },
}
LASTS_S = {"stream-half-open": 35.0, "stream-stall": 35.0, "stream-silent": 20.0}
"""A silent stream is given up after 30 s."""


@dataclass
class Soak:
    lab: Lab
    marathon: Marathon
    nodes: list[Node]
    chance: random.Random
    seen: Differences = field(default_factory=lambda: Differences(STALE_S))
    memory: list[dict[str, int]] = field(default_factory=list)
    injected: list[Injected] = field(default_factory=list)

    def look(self) -> bool:
        """Compare every node with Marathon; whether all agree."""
        wanted = run(self.marathon.apps())
        found = [each for node in self.nodes for each in differences(node.name, node.served(), wanted)]
        self.seen.look(time.monotonic(), found)
        return not found

    def deploy(self) -> None:
        self.marathon.create(STEADY, 2)
        for app_id in CHURNED:
            self.marathon.create(app_id, self.chance.randrange(1, 4))
        self.lab.wait(
            "every node serves every app", lambda: len(self.marathon.apps()) == 11 and self.look(), 60
        )

    def go(self, minutes: float) -> None:
        began = time.monotonic()
        kinds = self._kinds()
        fault_at, churn_at, memory_at, minute_at = began, began, began, began + 60
        while (now := time.monotonic()) < began + minutes * 60:
            if now >= fault_at:
                self._fault(next(kinds))
                fault_at = now + self.chance.uniform(2.0, 5.0)
            if now >= churn_at:
                self.marathon.churn(self.chance)
                churn_at = now + self.chance.uniform(0.5, 2.5)
            if now >= memory_at:
                self.memory.append({k: v for node in self.nodes for k, v in node.memory_kb().items()})
                memory_at = now + MEMORY_EACH_S
            if now >= minute_at:
                self._say(f"{(now - began) / 60:3.0f} min")
                minute_at += 60
            self.look()
            time.sleep(max(0.0, now + LOOK_S - time.monotonic()))
        self.marathon.clear()
        self.until(self.look, STALE_S + 1)

    def until(self, true: Callable[[], bool], seconds: float) -> bool:
        """Wait for it with nothing wrong any more; False: it is too late."""
        ends = time.monotonic() + seconds
        while not (found := true()) and time.monotonic() < ends:
            time.sleep(LOOK_S)
        return found

    def _kinds(self) -> Iterator[str]:
        """All of them in random order, again and again."""
        while True:
            deck = sorted(KINDS)
            self.chance.shuffle(deck)
            yield from deck

    def _fault(self, kind: str) -> None:
        seconds = LASTS_S.get(kind, round(self.chance.uniform(0.5, 4.0), 1))
        now = time.monotonic()
        self.marathon.inject(kind, seconds=seconds, **OPTIONS.get(kind, {}))
        self.seen.fault(kind, now, now + seconds)
        self.injected.append(Injected(kind, time.time(), time.time() + seconds))

    @property
    def kinds(self) -> int:
        return len({fault.kind for fault in self.injected})

    def _say(self, when: str) -> None:
        longest = ", ".join(f"{what} {s:.1f} s" for what, s in sorted(self.seen.longest.items()))
        held = ", ".join(machine.name for machine in self.lab.holders()) or "nobody"
        print(
            f"{when}: {len(self.injected)} faults of {self.kinds} kinds, {sum(self.marathon.done.values())} "
            f"changes; longest so far: {longest or 'nothing'}; VIP on {held}",
            flush=True,
        )


def soak(lab: Lab, minutes: float, seed: int) -> dict[str, Any]:
    """The whole run; `failed` of the result says what is wrong."""
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    one = Soak(lab, Marathon(lab, MASTERS), [Node(slave) for slave in lab.topology.slaves], chance)
    one.deploy()
    one.seen = Differences(STALE_S)
    owner = lab.wait_healthy()
    began = time.time()
    tasks = {task["id"] for task in running(one.marathon.apps()[STEADY])}
    lab.wait("the steady app answers", lambda: lab.get("/", f"{STEADY}.example.com").status == 200)
    with lab.load(host=f"{STEADY}.example.com", interval_ms=INTERVAL_MS, deadline_ms=DEADLINE_MS) as load:
        one.go(minutes)
        home = one.until(lambda: lab.owner() == owner, STALE_S)
        _, summary = load.stop()
    memory = growth_kb(one.memory)
    exceptions = tracebacks(["mha-master", *(node.name for node in one.nodes)])
    failed = [*one.seen.late.values(), *exceptions]
    failed += [f"{name} was restarted" for node in one.nodes for name in node.restarted()]
    failed += [
        f"{name} grew from {before} to {after} kB"
        for name, (before, after) in memory.items()
        if after - before > GROWTH_MB * 1024
    ]
    moves = judge({node.name: node.recorded(began) for node in one.nodes}, one.injected)
    failed += [f"the VIP moved: {move}" for move in moves.unexplained]
    if not home:
        failed.append(f"the VIP did not come back to {owner.name}")
    if tasks != {task["id"] for task in running(one.marathon.apps()[STEADY])}:
        failed.append(f"the tasks of {STEADY} did not live through it")
    if summary.failed:
        failed.append(f"{summary.failed} of {summary.requests} requests were lost: {summary.failures}")
    return {
        "minutes": minutes,
        "seed": seed,
        "bound_s": STALE_S,
        "faults": len(one.injected),
        "kinds": one.kinds,
        "changes": one.marathon.done,
        "longest_s": {what: round(s, 2) for what, s in one.seen.longest.items()},
        "slowest": [
            {"seconds": round(took_s, 2), "what": str(each), "faults": list(during)}
            for took_s, each, during in one.seen.slowest
        ],
        "recovery_s": {
            kind: [round(took_s, 2) for took_s in took] for kind, took in sorted(one.seen.recoveries.items())
        },
        "memory_kb": memory,
        "memory_each_minute_kb": {
            name: [sample.get(name) for sample in one.memory[:: int(60 / MEMORY_EACH_S)]]
            for name in one.memory[0]
        },
        "requests": {"all": summary.requests, "lost": summary.failed, "gap_ms": summary.longest_gap_ms},
        "followed": {
            node.name: lab.status(slave).get("lb", {}).get("marathon")
            for node, slave in zip(one.nodes, lab.topology.slaves)
        },
        "exceptions": exceptions,
        "moves": moves.explained,
        "failed": failed,
    }


def in_short(found: dict[str, Any]) -> dict[str, Any]:
    """One row: what a reader looks for first."""
    grown = max(found["memory_kb"].items(), key=lambda item: item[1][1] - item[1][0])
    return {
        "minutes": found["minutes"],
        "requests": found["requests"]["all"],
        "lost": found["requests"]["lost"],
        "longest_stale_s": found["longest_s"].get("stale", 0.0),
        "bound_s": found["bound_s"],
        "memory_growth_kb": grown[1][1] - grown[1][0],
        "of": grown[0],
        "exceptions": len(found["exceptions"]),
        "vip_moves_explained": len(found["moves"]),
        "failed": len(found["failed"]),
    }


def show(found: dict[str, Any]) -> None:
    print(
        f"seed {found['seed']}: {found['faults']} faults of {found['kinds']} kinds, "
        f"changes {found['changes']}"
    )
    times = [took_s for took in found["recovery_s"].values() for took_s in took]
    worst = sorted(((max(took), kind) for kind, took in found["recovery_s"].items()), reverse=True)[:5]
    if times:
        print(f"after a fault: median {sorted(times)[len(times) // 2]:.2f} s, slowest", end=" ")
        print(", ".join(f"{kind} {took_s:.1f} s" for took_s, kind in worst))
    for one in found["slowest"]:
        print(f"  {one['seconds']:.1f} s {one['what']}; faults: {', '.join(one['faults']) or 'none'}")
    for move in found["moves"]:
        print(f"the VIP moved as it should: {move}")
    print("\n".join(f"{name:>20}: {value}" for name, value in in_short(found).items()))
    for complaint in found["failed"]:
        print(f"FAILED: {complaint}")
    print("failed" if found["failed"] else f"passed: no difference lasted longer than {STALE_S:.0f} s")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("build/bench/soak.json"))
    asked = parser.parse_args()
    try:
        with ended_by_signals():
            lab = up(topology(), print, MASTERS)
            try:
                found = soak(lab, asked.minutes, asked.seed)
            finally:
                down()
    except ApplianceError as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return error.exit_code
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps({"in_short": in_short(found), **found}, indent=2) + "\n")
    show(found)
    return 1 if found["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
