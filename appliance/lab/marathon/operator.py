"""`/_lab/`: what a tester does to the embedded Marathon, outside Marathon's own API and without credentials.

::

    GET  /_lab/log                          {"requests": […], "events": […]}, oldest first
    POST /_lab/crash?task=ID[&signal=KILL]  the task gets the signal behind Marathon's back:
                                            KILL or ABRT crash it, STOP hangs it, CONT goes on
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from appliance.lab.marathon.errors import RefusedError
from appliance.lab.marathon.web import Answer

if TYPE_CHECKING:
    from collections import deque

    from appliance.lab.marathon.bus import Bus
    from appliance.lab.marathon.model import Json
    from appliance.lab.marathon.scheduler import Scheduler
    from appliance.lab.marathon.state import State
    from appliance.lab.marathon.web import Request


class Operator:
    def __init__(self, state: State, bus: Bus, scheduler: Scheduler) -> None:
        self.requests: deque[Json] | None = None
        self._state = state
        self._bus = bus
        self._scheduler = scheduler

    def answer(self, request: Request) -> Answer:
        if (request.method, request.path) == ("GET", "/_lab/log"):
            return Answer({"requests": list(self.requests or ()), "events": self._bus.emitted})
        if (request.method, request.path) == ("POST", "/_lab/crash"):
            return self._crash(request.query.get("task", [""])[-1], request.query.get("signal", ["KILL"])[-1])
        raise RefusedError(404, {"message": f"URI not found: {request.path}"})

    def _crash(self, task_id: str, name: str) -> Answer:
        number = signal.Signals.__members__.get(f"SIG{name.upper()}")
        if number is None:
            raise RefusedError(400, {"message": f"'{name}' is no signal"})
        for each in self._state.instances:
            if task_id in (each.task_id, each.id):
                self._scheduler.crash(each, number)
                return Answer({"crashed": each.task_id})
        raise RefusedError(404, {"message": f"Task '{task_id}' does not exist"})
