"""`/_lab/`: what a tester does to the embedded Marathon, outside Marathon's own API and without credentials.

::

    GET    /_lab/faults           those switched on          GET /_lab/kinds   all there are
    POST   /_lab/faults           {"kind", times, seconds, path, master, client, options…}
    DELETE /_lab/faults[/ID]      one, or all
    GET    /_lab/log              {"requests": […], "events": […]}, oldest first
    GET    /_lab/truth            {"apps": […]} as the leader has them, whatever faults are on
    GET    /_lab/masters          [{"master", "flavour", "leader"}]
    POST   /_lab/scale            {"apps": 10000, "tasks": 5}
    POST   /_lab/churn            {"app", "how": "move" | "health"}: one task elsewhere, or its health flipped
    POST   /_lab/health           {"task", "alive": true | false | null}: what is found; null = the truth
    POST   /_lab/agents           {"agent", "lost": true | false}
    POST   /_lab/crash?task=ID[&signal=KILL]   the task gets the signal behind Marathon's back:
                                  KILL or ABRT crash it, STOP hangs it, CONT goes on

It answers on a port of its own, which no fault touches, and on every master that runs.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from appliance.lab.marathon import scale
from appliance.lab.marathon.errors import RefusedError
from appliance.lab.marathon.faults.table import KINDS
from appliance.lab.marathon.messages import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.lab.marathon.messages import Payload, Request
    from appliance.lab.marathon.model import Json
    from appliance.lab.marathon.scheduler import Scheduler
    from appliance.lab.marathon.shared import Shared
    from appliance.lab.marathon.state import State
    from appliance.lab.marathon.web import Connection


class Control:
    """Routes of the control port; `shared` is set once the cluster is complete."""

    shared: Shared

    def __init__(self, state: State, scheduler: Scheduler) -> None:
        self._state = state
        self._scheduler = scheduler
        self._calls: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "log"): lambda _: self._log(),
            ("GET", "truth"): lambda _: self.truth(),
            ("GET", "masters"): lambda _: self._masters(),
            ("GET", "kinds"): lambda _: kinds(),
            ("GET", "faults"): lambda _: {"faults": self.shared.faults.shown},
            ("POST", "faults"): lambda request: self.shared.faults.add(request.json()).shown,
            ("DELETE", "faults"): lambda _: {"cleared": self.shared.faults.clear()},
            ("POST", "scale"): self._scale,
            ("POST", "churn"): self._churn,
            ("POST", "health"): self._health,
            ("POST", "agents"): self._agents,
            ("POST", "crash"): self._crash,
        }

    def broken(self, request: Request, connection: Connection) -> int | None:  # noqa: ARG002 - never is
        return None

    def stream(self, request: Request, connection: Connection) -> bool:  # noqa: ARG002 - has no streams
        return False

    def spoiled(self, request: Request, payload: Payload) -> Payload:  # noqa: ARG002 - never is
        return payload

    def headers(self) -> Mapping[str, str]:
        return {}

    def answer(self, request: Request) -> Answer:
        path = request.path[len("/_lab/") :].rstrip("/") if request.path.startswith("/_lab/") else ""
        call = self._calls.get((request.method, path))
        if call:
            return Answer(call(request))
        if request.method == "DELETE" and path.startswith("faults/"):
            return Answer({"cleared": self.shared.faults.clear(path.rpartition("/")[2])})
        raise RefusedError(404, {"message": f"URI not found: {request.path.lstrip('/')}"})

    def truth(self) -> Json:
        with self._state.changed:
            return {"apps": self.shared.api.all_apps()}

    def _log(self) -> Json:
        return {"requests": list(self.shared.requests), "events": self.shared.bus.emitted}

    def _masters(self) -> list[Json]:
        leader = self.shared.leader
        return [
            {"master": each.netloc, "flavour": each.flavour.version, "leader": each.netloc == leader}
            for each in self.shared.members
        ]

    def _scale(self, request: Request) -> Json:
        document = _object(request)
        wanted = {key: document.get(key, default) for key, default in (("apps", 10_000), ("tasks", 5))}
        if not all(isinstance(each, int) and each >= 0 for each in wanted.values()):
            raise RefusedError(400, {"message": "apps and tasks have to be whole numbers"})
        with self._state.changed:
            return {"apps": scale.fill(self._state, self.shared.bus, **wanted)}

    def _churn(self, request: Request) -> Json:
        document = _object(request)
        with self._state.changed:
            app_id = "/" + str(document.get("app", "")).strip("/")
            self._state.app(app_id)
            how = document.get("how", "move")
            if how not in ("move", "health"):
                raise RefusedError(400, {"message": "how has to be move or health"})
            return scale.churn(self._state, self._scheduler, app_id, how)

    def _health(self, request: Request) -> Json:
        document = _object(request)
        alive = document.get("alive")
        if not (alive is None or isinstance(alive, bool)):
            raise RefusedError(400, {"message": "alive has to be true, false or null"})
        with self._state.changed:
            instance = self._state.task(str(document.get("task")))
            self._scheduler.checking.force(instance, alive)
            return {"task": instance.task_id, "alive": alive}

    def _agents(self, request: Request) -> Json:
        document = _object(request)
        name, lost = str(document.get("agent")), document.get("lost") is not False
        with self._state.changed:
            (self._scheduler.agents.lose if lost else self._scheduler.agents.find)(name)
        return {"agent": name, "lost": lost}

    def _crash(self, request: Request) -> Json:
        name = request.value("signal", "KILL")
        number = signal.Signals.__members__.get(f"SIG{name.upper()}")
        if number is None:
            raise RefusedError(400, {"message": f"'{name}' is no signal"})
        with self._state.changed:
            instance = self._state.task(request.value("task"))
            crashed = {"crashed": instance.task_id}
            self._scheduler.crash(instance, number)
            return crashed


def kinds() -> list[Json]:
    """Every kind of fault with its text, stage and options."""
    return [
        {
            "kind": each.name,
            "text": each.text,
            "stage": each.stage.name.lower(),
            "options": dict(each.options),
        }
        for each in KINDS.values()
    ]


def _object(request: Request) -> Json:
    document = request.json() if request.body else {}
    if not isinstance(document, dict):
        raise RefusedError(400, {"message": "say it as a JSON object"})
    return document
