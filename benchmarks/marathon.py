"""What following Marathon costs: CPU per event, and how long until the picture shows it, by cluster size.

`make bench` runs it. A Marathon of 10 to 10,000 apps in another process moves one task after the other, an
event each; the Feed in this process follows. Then a cold read of 5,000 apps x 4 tasks, in another process.
With --peer CMD, any program with marathon-lb's flags is run by turns with ours.
Prints tables and writes build/bench/marathon.json.
"""

from __future__ import annotations

import argparse
import bisect
import contextlib
import gc
import json
import logging
import os
import shlex
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from appliance import commands
from appliance.haproxy.model import Process
from appliance.haproxy.render import render
from appliance.marathon.access import Access
from appliance.marathon.client import Client
from appliance.marathon.feed import Feed
from appliance.marathon.watch import Watch
from appliance.services.memo import Memo
from appliance.services.translate import Selection, translate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from typing_extensions import Self

SIZES = (10, 100, 1000, 10_000)
TASKS = 5
EVENTS = 60
INTERVAL_S = 0.15
"""Further apart than what is folded: each event stands alone."""
COLD = (5000, 4)
PEER_SIZES = (10, 1000)
PEER_EVENTS = 10
PEER_INTERVAL_S = 1.0
PEER_ROUNDS = 2
READY_S = 120.0
RESULTS = Path("build/bench/marathon.json")


@contextlib.contextmanager
def feeder() -> Iterator[str]:
    """The URL of a Marathon of its own process."""
    process = commands.start(
        [sys.executable, Path(__file__).with_name("feeder.py")], stdin=commands.PIPE, stdout=commands.PIPE
    )
    try:
        if process.stdout is None:
            raise SystemExit("the feeder says nothing")
        yield process.stdout.readline().decode().strip()
    finally:
        process.terminate()
        process.wait(10)


def scale(url: str, apps: int, tasks: int) -> None:
    requests.post(f"{url}/_bench/scale?apps={apps}&tasks={tasks}", timeout=60).raise_for_status()


def churn(url: str, events: int, interval_s: float) -> list[tuple[str, int, float]]:
    answer = requests.post(f"{url}/_bench/churn?events={events}&interval={interval_s}", timeout=600)
    return [tuple(each) for each in answer.json()]


class _Ids:
    """The apps' ids as a sorted sequence, without making one."""

    def __init__(self, apps: Sequence[Any]) -> None:
        self._apps = apps

    def __len__(self) -> int:
        return len(self._apps)

    def __getitem__(self, place: int) -> str:
        return str(self._apps[place].id)


class Follower:
    """A Feed that notes when the picture first showed each place."""

    def __init__(self, url: str) -> None:
        self.seen: dict[tuple[str, int], float] = {}
        self.ready = threading.Event()
        access = Access([url])
        self.feed = Feed(Client(access), on_change=self._note)
        self.watch = Watch(
            access, on_event=self._hear, on_attached=self.feed.attached, on_lost=self.feed.lost
        )
        self._last = ""

    def _hear(self, event: Any) -> None:
        self._last = next(iter(event.apps or ()), "")
        self.feed.hear(event)

    def _note(self) -> None:
        now = time.time()
        cluster = self.feed.cluster()
        self.ready.set()
        place = bisect.bisect_left(_Ids(cluster.apps), self._last) if cluster else 0
        for app in cluster.apps[place : place + 1] if cluster else ():
            self.seen.update(
                ((app.id, one.port), now) for task in app.tasks[:1] for one in task.endpoints if one
            )

    def __enter__(self) -> Self:
        self.feed.start()
        self.watch.start()
        if not self.ready.wait(READY_S):
            raise SystemExit("nothing was read")
        while not self.feed.counts["events"]:
            time.sleep(0.05)
        self._settle()
        gc.freeze()  # as appliance-lb does
        return self

    def _settle(self) -> None:
        """The full read that follows on the stream's opening is not measured."""
        used_s = -1.0
        while time.process_time() - used_s > 0.02:
            used_s = time.process_time()
            time.sleep(0.5)

    def __exit__(self, *_: object) -> None:
        self.watch.stop()
        self.feed.stop()


def per_event(url: str, apps: int) -> dict[str, Any]:
    scale(url, apps, TASKS)
    with Follower(url) as follower:
        began = time.process_time()
        moved = churn(url, EVENTS, INTERVAL_S)
        cpu_s = time.process_time() - began
        time.sleep(0.3)
        cluster = follower.feed.cluster()
        waits = [
            (follower.seen[app_id, port] - sent) * 1000
            for app_id, port, sent in moved
            if (app_id, port) in follower.seen
        ]
    if cluster is None or not waits:
        raise SystemExit(f"no event of {EVENTS} changed the picture")
    return {
        "apps": apps,
        "events": EVENTS,
        "shown": len(waits),
        "cpu_ms_per_event": round(cpu_s * 1000 / EVENTS, 2),
        "picture_p50_ms": round(statistics.median(waits), 2),
        "picture_p99_ms": round(statistics.quantiles(waits, n=100)[98], 2),
        **downstream(url, cluster),
    }


def downstream(url: str, cluster: Any) -> dict[str, float]:
    """What follows on a picture with one changed app: its translation, and the whole file as text."""
    selection, memo, process = Selection(("*",)), Memo(), Process("/tmp", "/tmp/a", "/tmp/b")  # noqa: S108
    translate(cluster, selection, {}, memo)
    client = Client(Access([url]))
    translated, rendered = [], []
    for _ in range(5):
        ((app_id, _, _),) = churn(url, 1, 0)
        (changed,) = client.app(app_id).apps
        cluster = type(cluster)(tuple(changed if app.id == app_id else app for app in cluster.apps))
        began = time.process_time()
        translation = translate(cluster, selection, {}, memo)
        translated.append((time.process_time() - began) * 1000)
        began = time.process_time()
        render(translation.load_balancer, process)
        rendered.append((time.process_time() - began) * 1000)
    return {
        "translate_ms": round(statistics.median(translated), 2),
        "render_ms": round(statistics.median(rendered), 2),
    }


def cold(url: str) -> dict[str, Any]:
    """A first read, in a process that does nothing else."""
    apps, tasks = COLD
    scale(url, apps, tasks)
    done = commands.run([sys.executable, __file__, "--cold-read", url], timeout_s=120)
    if done.code != 0:
        raise SystemExit(f"the cold read failed: {done.message}")
    return {"apps": apps, "tasks": apps * tasks, **json.loads(done.output)}


def cold_read(url: str) -> None:
    before_mb = peak_mb()
    wall, cpu = time.monotonic(), time.process_time()
    cluster = Client(Access([url])).cluster()
    facts = {
        "read": len(cluster.apps),
        "seconds": round(time.monotonic() - wall, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
        "before_mb": before_mb,
        "peak_mb": peak_mb(),
    }
    print(json.dumps(facts))


def peak_mb() -> int:
    """Most memory this process ever had. The kernel's ru_maxrss would include its parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def beside(url: str, peer: str) -> list[dict[str, Any]]:
    """Ours and the peer by turns: event to changed file, and CPU per event."""
    programs = {"ours": [sys.executable, "-m", "appliance.cli.lb"], "peer": shlex.split(peer)}
    found = []
    for apps in PEER_SIZES:
        scale(url, apps, TASKS)
        waits: dict[str, list[float]] = {name: [] for name in programs}
        cpu_s = dict.fromkeys(programs, 0.0)
        for _ in range(PEER_ROUNDS):
            for name, words in programs.items():
                part, used_s = one_turn(url, words)
                waits[name] += part
                cpu_s[name] += used_s
        for name, each in waits.items():
            count = PEER_EVENTS * PEER_ROUNDS
            found.append(
                {
                    "program": name,
                    "apps": apps,
                    "shown": len(each),
                    "of": count,
                    "file_p50_ms": round(statistics.median(each), 1) if each else None,
                    "file_max_ms": round(max(each), 1) if each else None,
                    "cpu_ms_per_event": round(cpu_s[name] * 1000 / count, 1),
                }
            )
    return found


def one_turn(url: str, words: Sequence[str]) -> tuple[list[float], float]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        config = Path(folder) / "haproxy.cfg"
        flags = ["sse", "-m", url, "--group", "*", "--haproxy-config", config, "--command", "true"]
        with (Path(folder) / "log").open("wb") as log:
            process = commands.start([*words, *flags], stdout=log, stderr=commands.STDOUT, cwd=Path(folder))
        try:
            wait_for(config.exists, process, Path(folder) / "log")
            time.sleep(3.0)  # until its stream is open, and what that asks for is done
            before = cpu_of(process.pid)
            waits = []
            for _ in range(PEER_EVENTS):
                ((_, port, sent),) = churn(url, 1, 0)
                waits.append(shown_after(config, port, sent))
                time.sleep(PEER_INTERVAL_S)
            return [wait for wait in waits if wait is not None], cpu_of(process.pid) - before
        finally:
            process.terminate()
            process.wait(30)


def wait_for(true: Any, process: Any, log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while not true():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"it writes no configuration: {log.read_text()[-1000:]}")
        time.sleep(0.05)


def shown_after(config: Path, port: int, sent: float) -> float | None:
    """Milliseconds until the file names `port`; None if it takes more than 10 s."""
    while time.time() < sent + 10:
        with contextlib.suppress(OSError):
            if f":{port} " in config.read_text():
                return (time.time() - sent) * 1000
        time.sleep(0.005)
    return None


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process and its ended children have used."""
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def table(rows: Sequence[dict[str, Any]]) -> str:
    names = list(rows[0])
    lines = [names, *([str(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(names))]
    return "\n".join("  ".join(word.rjust(width) for word, width in zip(line, widths)) for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", metavar="CMD", help="a program with marathon-lb's flags, run beside ours")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="APPS")
    parser.add_argument("--cold-read", metavar="URL", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    if asked.cold_read:
        cold_read(asked.cold_read)
        return 0
    with feeder() as url:
        results: dict[str, Any] = {"per_event": [per_event(url, apps) for apps in asked.sizes]}
        print(table(results["per_event"]))
        smallest, largest = results["per_event"][0], results["per_event"][-1]
        results["growth"] = round(largest["picture_p50_ms"] / smallest["picture_p50_ms"], 2)
        sizes = f"{largest['apps']} apps against {smallest['apps']}"
        print(f"\nevent to picture, p50, {sizes}: x {results['growth']}\n")
        results["cold"] = cold(url)
        print(table([results["cold"]]))
        if asked.peer:
            results["peer"] = beside(url, asked.peer)
            print(f"\n{table(results['peer'])}")
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(f"\nwritten: {RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
