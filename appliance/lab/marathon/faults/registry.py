"""The faults that are switched on."""

from __future__ import annotations

import itertools
from threading import RLock, Timer
from typing import TYPE_CHECKING, Any

from appliance.lab.marathon.errors import RefusedError
from appliance.lab.marathon.faults.kind import PATHS, Fault, Stage
from appliance.lab.marathon.faults.table import KINDS

if TYPE_CHECKING:
    from appliance.lab.marathon.bus import Bus
    from appliance.lab.marathon.faults.clusters import Masters
    from appliance.lab.marathon.messages import Request
    from appliance.lab.marathon.model import Json

_COMMON = ("kind", "times", "seconds", "path", "master", "client")


class Faults:
    """`masters` is set once there are any."""

    masters: Masters

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._on: list[Fault] = []
        self._used_up: list[Fault] = []
        self._lock = RLock()
        self._numbers = itertools.count(1)

    def add(self, document: Any) -> Fault:
        """Switch a fault on. Raises the 400 of a document that describes none."""
        fault = self._fault(document)
        seconds = document.get("seconds")
        if fault.kind.stage is Stage.CLUSTER:
            fault.hits += 1
            fault.undo = fault.kind.act(self.masters, fault.master, **fault.options)
        with self._lock:
            self._on.append(fault)
        if fault.kind.stage is Stage.BURST:
            self._burst(fault)
        self._bus.wake()
        if seconds is not None:
            timer = Timer(float(seconds), self.clear, (fault.id,))
            timer.daemon = True
            timer.start()
        return fault

    def clear(self, fault_id: str | None = None) -> int:
        """Switch one off, or all; returns how many were on."""
        with self._lock:
            going = [each for each in (*self._on, *self._used_up) if fault_id in (None, each.id)]
            self._on = [each for each in self._on if each not in going]
            self._used_up = [each for each in self._used_up if each not in going]
        for each in going:
            each.over.set()
            if each.undo:
                each.undo()
        self._bus.wake()
        return len(going)

    def forget(self) -> None:
        """Let go of all that a fault holds, without repairing anything: the masters go too."""
        with self._lock:
            going, self._on, self._used_up = [*self._on, *self._used_up], [], []
        for each in going:
            each.over.set()

    @property
    def shown(self) -> list[Json]:
        with self._lock:
            return [each.shown for each in self._on]

    def take(self, stage: Stage, master: str, request: Request) -> list[Fault]:
        """The faults that act on this request at this stage now; each counts it."""
        return [each for each in self.matching(stage, master, request) if self.use(each)]

    def matching(self, stage: Stage, master: str, request: Request) -> list[Fault]:
        with self._lock:
            return [each for each in self._on if each.kind.stage is stage and each.concerns(master, request)]

    def use(self, fault: Fault) -> bool:
        """Count one use; False when it was used up before."""
        with self._lock:
            if fault not in self._on:
                return False
            fault.hits += 1
            if fault.left is not None:
                fault.left -= 1
                if fault.left <= 0:
                    # What it holds, it holds until it is cleared.
                    self._on.remove(fault)
                    self._used_up.append(fault)
            return True

    def _burst(self, fault: Fault) -> None:
        for _ in range(fault.left or 1):
            fault.hits += 1
            frames = fault.kind.act(**fault.options)
            for subscription in self._bus.subscriptions():
                if fault.client in (None, subscription.remote):
                    subscription.insert(frames)
        self.clear(fault.id)

    def _fault(self, document: Any) -> Fault:
        if not isinstance(document, dict) or document.get("kind") not in KINDS:
            raise _wrong("say a kind: GET /_lab/kinds lists them")
        kind = KINDS[document["kind"]]
        options = {key: value for key, value in document.items() if key not in _COMMON}
        if unknown := sorted(set(options) - set(kind.options)):
            known = ", ".join(kind.options) or "none"
            raise _wrong(f"{kind.name} has no option {', '.join(unknown)}; its options: {known}")
        for key, value in options.items():
            wanted = type(kind.options[key])
            if kind.options[key] is not None and not isinstance(
                value, (int, float) if wanted is float else wanted
            ):
                raise _wrong(f"option {key} of {kind.name} has to be like {kind.options[key]!r}")
        times = document.get("times")
        if times is not None and (not isinstance(times, int) or times < 1):
            raise _wrong("times has to be a whole number above 0, or null = until cleared")
        return Fault(
            id=str(next(self._numbers)),
            kind=kind,
            path=str(document.get("path") or PATHS[kind.stage]),
            options={**kind.options, **options},
            master=self._master(document.get("master")),
            client=document.get("client"),
            left=times,
        )

    def _master(self, given: Any) -> str | None:
        if given is None:
            return None
        netlocs = self.masters.netlocs
        if isinstance(given, int) and 0 <= given < len(netlocs):
            return netlocs[given]
        if given in netlocs:
            return str(given)
        raise _wrong(f"no master {given!r}: say its number from 0, or one of {', '.join(netlocs)}")


def _wrong(message: str) -> RefusedError:
    return RefusedError(400, {"message": message})
