"""`make soak`: the lab's Marathon misbehaves all the time while its apps change; the picture has to follow.

Seeded, so that a run can be repeated. It ends with exit code 1 when a thread died, when the picture was not
the truth again within BOUND_S of a fault's end, or when memory grew.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import requests

from appliance import commands
from appliance.errors import ApplianceError
from appliance.lab.marathon.faults.kind import Stage
from appliance.lab.marathon.faults.table import KINDS
from appliance.marathon import wire
from appliance.marathon.access import Access
from appliance.marathon.client import Client
from appliance.marathon.feed import Feed
from appliance.marathon.watch import Watch

BOUND_S = 10.0
"""Above the time for which a picture without most servers is held."""
MASTERS, APPS, TASKS = 3, 50, 4
PERIOD_S = 3.0
SILENCE_S = 1.0
PATIENCE_S = 1.0
OPTIONS: dict[str, dict[str, Any]] = {
    "election-slow": {"election_s": 2.0},
    "content-tasks-many": {"count": 200},
    "content-apps-many": {"count": 200},
}
GROWTH_MB = 15
"""More than that from the first quarter to the end, and memory is not flat."""


class Follower:
    """Feed and Watch, as appliance-lb has them."""

    def __init__(self, urls: list[str]) -> None:
        access = Access(urls)
        client = Client(access, read_timeout_s=PATIENCE_S, answer_timeout_s=2 * PATIENCE_S)
        self.feed = Feed(
            client,
            on_change=lambda: None,
            period_s=PERIOD_S,
            hold_s=6.0,
            again_s=0.2,
            longest_pause_s=1.0,
        )
        self.watch = Watch(
            access,
            on_event=self.feed.hear,
            on_attached=self.feed.attached,
            on_lost=self.feed.lost,
            silence_s=SILENCE_S,
            max_backoff_s=1.0,
        )

    def start(self) -> None:
        self.feed.start()
        self.watch.start()

    def stop(self) -> None:
        self.watch.stop()
        self.feed.stop()


def shown(cluster: Any) -> dict[str, Any]:
    """Health may be remembered where Marathon has forgotten it; all else has to agree."""
    if cluster is None:
        return {}
    return {
        app.id: (app.labels, app.ports, {task.id: (task.state, task.endpoints) for task in app.tasks})
        for app in cluster.apps
    }


def memory_mb() -> int:
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) // 1024


class Marathon:
    """The lab's Marathon in a process of its own, whose memory is none of ours."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        port = chance.randrange(20000, 28000, 10)
        self.urls = [f"http://127.0.0.1:{port + n}" for n in range(MASTERS)]
        self._control = f"http://127.0.0.1:{port + MASTERS + 1}/_lab"
        config = {
            "address": "127.0.0.1",
            "port": port,
            "mesos_port": port + MASTERS,
            "control_port": port + MASTERS + 1,
            "agents": [{"name": "slave-1", "address": "127.0.0.1"}],
            "masters": MASTERS,
            "heartbeat_s": 0.2,
            "processes": False,
            "scale": [APPS, TASKS],
        }
        file = folder / "marathon.json"
        file.write_text(json.dumps(config))
        words = [sys.executable, "-m", "appliance.lab.marathon", "--config", file]
        self._process = commands.start(words, stdout=commands.PIPE)
        if self._process.stdout is None or self._process.stdout.readline() != b"ready\n":
            raise SystemExit("the lab's Marathon does not start")

    def inject(self, kind: str, **options: Any) -> None:
        self._call("POST", "/faults", {"kind": kind, **options})

    def clear(self) -> None:
        self._call("DELETE", "/faults")

    def truth(self) -> Any:
        return self._call("GET", "/truth")

    def change(self, chance: random.Random) -> None:
        """One app moves a task, or its health flips."""
        how = chance.choice(("move", "move", "move", "health"))
        self._call("POST", "/churn", {"app": f"/scale-{chance.randrange(APPS)}", "how": how})

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)

    def _call(self, method: str, path: str, document: Any = None) -> Any:
        answer = requests.request(method, self._control + path, json=document, timeout=10)
        answer.raise_for_status()
        return answer.json()


def settle(marathon: Marathon, follower: Follower) -> float:
    """Seconds until the picture is the truth; more than BOUND_S if it was not in time."""
    began = time.monotonic()
    while time.monotonic() < began + BOUND_S:
        if shown(follower.feed.cluster()) == shown(wire.apps(marathon.truth())):
            break
        time.sleep(0.02)
    return time.monotonic() - began


def one_round(marathon: Marathon, follower: Follower, chance: random.Random) -> tuple[str, float]:
    """A fault, changes while it lasts and after it; how long the picture then took."""
    kind = chance.choice(sorted(KINDS))
    marathon.inject(kind, **OPTIONS.get(kind, {}))
    for _ in range(chance.randrange(1, 8)):
        marathon.change(chance)
        time.sleep(chance.uniform(0.0, 0.3))
    known = follower.feed.cluster()
    if KINDS[kind].stage is not Stage.CONTENT and (known is None or len(known.apps) < APPS):
        raise ApplianceError(f"{kind} took apps out of the picture")
    marathon.clear()
    for _ in range(3):
        marathon.change(chance)
    return kind, settle(marathon, follower)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    died: list[str] = []
    threading.excepthook = lambda what: died.append(f"{what.thread and what.thread.name}: {what.exc_value!r}")
    chance = random.Random(asked.seed)  # noqa: S311 - repeatable on purpose
    ends = time.monotonic() + asked.minutes * 60
    worst: dict[str, float] = {}
    memory: list[int] = []
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        marathon = Marathon(Path(folder), chance)
        follower = Follower(marathon.urls)
        follower.start()
        settle(marathon, follower)
        try:
            while time.monotonic() < ends and not died:
                kind, took_s = one_round(marathon, follower, chance)
                worst[kind] = max(took_s, worst.get(kind, 0.0))
                memory.append(memory_mb())
                if took_s > BOUND_S:
                    died.append(f"{kind}: the picture was not the truth within {BOUND_S:.0f} s")
        except ApplianceError as error:
            died.append(str(error))
        finally:
            follower.stop()
            marathon.stop()
    quarter = memory[len(memory) // 4 :]
    growth = quarter[-1] - quarter[0]
    slowest = sorted(worst.items(), key=lambda item: -item[1])[:5]
    print(f"{len(memory)} faults of {len(worst)} kinds, seed {asked.seed}; {follower.feed.counts}")
    print("slowest to recover:", ", ".join(f"{kind} {took_s:.2f} s" for kind, took_s in slowest))
    print(f"memory: {memory[0]} MB at first, {quarter[0]} MB after a quarter, {quarter[-1]} MB at the end")
    if growth > GROWTH_MB:
        died.append(f"memory grew by {growth} MB")
    for complaint in died:
        print(f"FAILED: {complaint}")
    return 1 if died else 0


if __name__ == "__main__":
    sys.exit(main())
