"""The whole story in the lab, each line checked and timed: `make demo` runs it after the installation."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Callable

from appliance.errors import ApplianceError
from appliance.lab import demo_floating, faults, tutorial
from appliance.lab.interrupted import ended_by_signals
from appliance.lab.up import down, up

if TYPE_CHECKING:
    from appliance.lab.lab import Lab
    from appliance.lab.load import Summary
    from appliance.lab.topology import Topology

Say = Callable[[str], None]

_LOOK_S = 1.0


def run(topology: Topology, say: Say) -> int:
    """Show it all. 0 only if every step was seen; the lab is gone afterwards in any case."""
    began = time.monotonic()
    with ended_by_signals():
        lab = up(topology, say)
        try:
            with tempfile.TemporaryDirectory(prefix="mha-demo-") as folder:
                for title, step in _STEPS:
                    started = time.monotonic()
                    seen = step(lab, Path(folder))
                    ended = time.monotonic()
                    say(f"{ended - began:5.1f} s  {title}  [{ended - started:.1f} s]")
                    for line in seen.splitlines():
                        say(f"         {line}")
        finally:
            down()
    say(f"{time.monotonic() - began:5.1f} s  all of it is seen; the lab is gone, nothing of it stays")
    return 0


def _nodes(lab: Lab, _folder: Path) -> str:
    lab.wait_healthy()
    return lab.why()


def _post(lab: Lab, folder: Path) -> str:
    return "\n".join(tutorial.post(lab, folder, tutorial.nginx(name)) for name in ("nginx", "nginx2"))


def _four_tasks(lab: Lab, _folder: Path) -> str:
    _until(lab, lambda seen: len(seen.tasks) == 4)
    by_name = _look(lab, host=tutorial.HOST)
    _expect(len(by_name.tasks) == 4 and not by_name.failed, f"Host {tutorial.HOST}: {by_name}")
    return f"http://{lab.vip}/ and Host {tutorial.HOST}: {_shares(by_name)}"


def _crash(lab: Lab, _folder: Path) -> str:
    owner = lab.wait_healthy()
    with lab.load() as load:
        time.sleep(_LOOK_S)
        lab.fault("kill-haproxy", owner.name)
        taker = lab.wait("another owner", lambda: _other_than(lab, owner.name))
        time.sleep(_LOOK_S)
        _, seen = load.stop()
    return (
        f"{owner.name} -> {taker}; a client with a new connection each 10 ms waited "
        f"{seen.longest_gap_ms:.0f} ms for an answer: {seen.failed} of {seen.requests} requests failed"
    )


def _back(lab: Lab, _folder: Path) -> str:
    preferred = lab.topology.slaves[0]
    with lab.load() as load:
        lab.wait_healthy()
        lab.wait(f"the VIP back on {preferred.name}", lambda: lab.owner() == preferred)
        time.sleep(_LOOK_S)
        _, seen = load.stop()
    return f"VIP on {preferred.name}; {seen.failed} of {seen.requests} requests failed on the way"


def _scale(lab: Lab, _folder: Path) -> str:
    lab.scale("nginx", 5)
    seen = _until(lab, lambda seen: _tasks_of(seen, "nginx") == 5 and _tasks_of(seen, "nginx2") == 2)
    return _shares(seen)


def _delete(lab: Lab, _folder: Path) -> str:
    owner = lab.wait("one owner", lab.owner)
    before = faults.pids(owner, "haproxy")[:1]
    lab.delete("nginx2")
    seen = _until(lab, lambda seen: set(seen.apps) == {"/nginx"} and not seen.failed)
    _expect(faults.pids(owner, "haproxy")[:1] == before, "HAProxy's master was restarted")
    return f"{_shares(seen)}; HAProxy's master is still pid {before[0]}"


def _drain(lab: Lab, _folder: Path) -> str:
    owner = lab.wait_healthy()
    with lab.load() as load:
        done = lab.exec(owner.name, "appliance", "drain", "--reason", "demo")
        _expect(done.code == 0, f"appliance drain: {done.message}")
        taker = lab.wait("another owner", lambda: _other_than(lab, owner.name))
        time.sleep(_LOOK_S)
        _, seen = load.stop()
    _expect(not seen.failed, f"requests failed during the drain: {seen}")
    return f"{owner.name} -> {taker}; 0 of {seen.requests} requests failed\n{lab.why()}"


_STEPS: tuple[tuple[str, Callable[[Lab, Path], str]], ...] = (
    ("three nodes are up, and one owns the VIP", _nodes),
    ("nginx.json and nginx2.json are posted by curl", _post),
    ("a client reaches all four tasks through the VIP", _four_tasks),
    ("HAProxy killed with -9 on the owner: the VIP is on the next node", _crash),
    ("the node is back", _back),
    ("nginx scaled from 2 to 5: all five answer", _scale),
    ("nginx2 deleted: gone from the balance without a restart", _delete),
    ("the owner is drained: no request failed", _drain),
    *demo_floating.STEPS,
)


def _other_than(lab: Lab, name: str) -> str:
    owner = lab.owner()
    return owner.name if owner and owner.name != name else ""


def _look(lab: Lab, *, host: str = "") -> Summary:
    """What a client of the VIP sees for a second."""
    with lab.load(host=host) as load:
        time.sleep(_LOOK_S)
        return load.stop()[1]


def _until(lab: Lab, good: Callable[[Summary], bool], timeout_s: float = 15.0) -> Summary:
    """Look again and again until what is seen is `good`. Raises ApplianceError with the last look."""
    deadline = time.monotonic() + timeout_s
    while not good(seen := _look(lab)):
        _expect(time.monotonic() < deadline, f"after {timeout_s:g} s a client still sees: {seen}")
    return seen


def _expect(fact: bool, otherwise: str) -> None:
    if not fact:
        raise ApplianceError(otherwise)


def _tasks_of(seen: Summary, name: str) -> int:
    """How many tasks of the app `name` answered; a task's id begins with its app's."""
    return sum(task.startswith(f"{name}.") for task in seen.tasks)


def _shares(seen: Summary) -> str:
    shares = ", ".join(f"{name} {count}" for name, count in seen.apps.items())
    return f"{len(seen.tasks)} tasks answered {seen.requests} requests ({shares}), {seen.failed} failed"
