"""What a soak does to the lab's Marathon, and what it sees of the nodes."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from appliance.errors import EngineError, NotRunningError
from appliance.haproxy import runtime
from appliance.lab import forward, machine, network, state
from appliance.lab.marathon_faults import CONTROL_PORT
from appliance.paths import Paths
from appliance.setup.supervisor import Supervisor
from appliance.status import events

if TYPE_CHECKING:
    import random

    from appliance.lab.lab import Lab
    from appliance.lab.topology import Machine

PATIENCE_S = 2.0
VIA = {"X-Marathon-Via": "soak"}
"""A fault for no master in particular leaves alone what another master passes on."""
STEADY = "steady"
CHURNED = tuple(f"churn-{n}" for n in range(10))
TASKS = 28
"""Of the churned apps together, at most."""
SERVICE_PORT = 10100


def document(app_id: str, instances: int) -> dict[str, Any]:
    port = SERVICE_PORT + (STEADY, *CHURNED).index(app_id)
    mapping = {"containerPort": 80, "hostPort": 0, "servicePort": port}
    return {
        "id": app_id,
        "labels": {"HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": f"{app_id}.example.com"},
        "cpus": 0.05,
        "mem": 8,
        "instances": instances,
        "healthChecks": [{"path": "/", "intervalSeconds": 5, "gracePeriodSeconds": 10}],
        "container": {
            "type": "DOCKER",
            "docker": {"image": "nginx", "network": "BRIDGE", "portMappings": [mapping]},
        },
    }


class Marathon:
    """The lab's, by way of the client's machine."""

    def __init__(self, lab: Lab, masters: int) -> None:
        wanted = [lab.topology.marathon.rpartition(":")[0] + f":{CONTROL_PORT}"]
        wanted += lab.topology.marathons(masters)
        netlocs = [url.partition("://")[2] for url in wanted]
        listeners = [forward.listener() for _ in netlocs]
        try:
            routes = [f"{each.fileno()}={netloc}" for each, netloc in zip(listeners, netlocs)]
            argv = machine.python("forward", *routes)
            fds = [each.fileno() for each in listeners]
            machine.launch(lab.topology.client, argv, "soak", pass_fds=fds)
            machine.await_line(lab.topology.client, "soak", "ready", 10)
            near = [f"http://127.0.0.1:{each.getsockname()[1]}" for each in listeners]
        finally:
            for each in listeners:
                each.close()
        self._control = f"{near[0]}/_lab"
        self._masters = dict(zip(netlocs[1:], near[1:]))
        self.done: dict[str, int] = {}
        """How often which change was made; `refused`: Marathon was away, or its app locked."""

    def inject(self, kind: str, **options: Any) -> None:
        self._ask("POST", "/faults", {"kind": kind, **options})

    def clear(self) -> None:
        self._ask("DELETE", "/faults")

    def apps(self) -> dict[str, dict[str, Any]]:
        """What there is, by id without the slash, whatever faults are on."""
        return {app["id"].strip("/"): app for app in self._ask("GET", "/truth")["apps"]}

    def crash(self, task_id: str) -> bool:
        answer = requests.post(f"{self._control}/crash?task={task_id}", timeout=PATIENCE_S)
        return answer.ok

    def create(self, app_id: str, instances: int) -> bool:
        return self._change("POST", "/v2/apps", document(app_id, instances))

    def scale(self, app_id: str, instances: int) -> bool:
        return self._change("PUT", f"/v2/apps/{app_id}", {"instances": instances})

    def delete(self, app_id: str) -> bool:
        return self._change("DELETE", f"/v2/apps/{app_id}")

    def kill(self, app_id: str, task_id: str) -> bool:
        return self._change("DELETE", f"/v2/apps/{app_id}/tasks/{task_id}")

    def churn(self, chance: random.Random) -> None:
        """One change to one of the churned apps."""
        apps = self.apps()
        app_id = chance.choice(CHURNED)
        free = TASKS - sum(app["instances"] for name, app in apps.items() if name not in (STEADY, app_id))
        instances = max(0, min(chance.choice((0, 1, 2, 3, 3, 4, 5)), free))
        how = chance.choice(("scale", "scale", "scale", "kill", "kill", "crash", "crash", "delete"))
        tasks = running(apps[app_id]) if app_id in apps else []
        if app_id not in apps:
            how, made = "create", self.create(app_id, instances)
        elif how == "delete":
            made = self.delete(app_id)
        elif how == "scale" or not tasks:
            how, made = "scale", self.scale(app_id, instances)
        elif how == "kill":
            made = self.kill(app_id, chance.choice(tasks)["id"])
        else:
            made = self.crash(chance.choice(tasks)["id"])
        how = how if made else "refused"
        self.done[how] = self.done.get(how, 0) + 1

    def _change(self, method: str, path: str, body: Any = None) -> bool:
        """Ask the leader, past the faults of no master in particular. False: it refused, or is away."""
        leaders = [each["master"] for each in self._ask("GET", "/masters") if each["leader"]]
        if not leaders:
            return False
        url = self._masters[leaders[0]] + path
        try:
            return requests.request(method, url, json=body, headers=VIA, timeout=PATIENCE_S).ok
        except requests.RequestException:
            return False

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, self._control + path, json=body, timeout=10)
        answer.raise_for_status()
        return answer.json()


def running(app: dict[str, Any]) -> list[dict[str, Any]]:
    return [task for task in app["tasks"] if task["state"] == "TASK_RUNNING"]


def run(apps: dict[str, dict[str, Any]]) -> frozenset[tuple[str, str]]:
    """(backend, place) of each server that there has to be."""
    return frozenset(
        (f"{app_id}_{document(app_id, 0)['container']['docker']['portMappings'][0]['servicePort']}", place)
        for app_id, app in apps.items()
        for place in (f"{task['host']}:{task['ports'][0]}" for task in running(app))
    )


class Node:
    """A slave, looked at from outside: its sockets by way of /proc, its programs by their memory."""

    def __init__(self, slave: Machine) -> None:
        self.name = slave.name
        pid = machine.init_pid(slave)
        if pid is None:
            raise NotRunningError(f"{slave.name} is off")
        self._paths = Paths(Path(f"/proc/{pid}/root"))
        self.programs = self._programs()
        """Pid on this machine by name."""

    def served(self) -> frozenset[tuple[str, str]] | None:
        """(backend, place) of each task in the running HAProxy; None if it does not answer."""
        try:
            text = runtime.command(self._paths.haproxy_socket, "show servers state", timeout_s=2.0)
        except EngineError:
            return None
        lines = text.splitlines()
        names = lines[1].lstrip("# ").split()
        rows = [dict(zip(names, line.split(" "))) for line in lines[2:] if line]
        own = re.compile(f"({'|'.join((STEADY, *CHURNED))}).*")
        return frozenset(
            (row["be_name"], f"{row['srv_addr']}:{row['srv_port']}")
            for row in rows
            if own.fullmatch(row["be_name"])
        )

    def restarted(self) -> list[str]:
        """Programs that are not the ones of the beginning."""
        now = self._programs()
        names = sorted(self.programs.keys() | now.keys())
        return [f"{self.name} {name}" for name in names if self.programs.get(name) != now.get(name)]

    def memory_kb(self) -> dict[str, int]:
        found = {}
        for name, pid in self.programs.items():
            with contextlib.suppress(OSError, StopIteration):
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                found[f"{self.name} {name}"] = next(
                    int(line.split()[1]) for line in lines if line.startswith("VmRSS")
                )
        return found

    def recorded(self, since: float) -> list[dict[str, Any]]:
        """Changes of its VRRP and of its verdict since then (unix seconds), oldest first."""
        found = events.recent(self._paths.events, 10_000)
        changes = [each for each in found if each["kind"] in ("vrrp", "verdict") and "before" in each]
        return [each for each in changes if each["at"] >= since]

    def _programs(self) -> dict[str, int]:
        """Those that supervisord runs, and itself."""
        outside = dict(self._numbers())
        words = {each.name: each.description for each in Supervisor(self._paths.supervisor_socket).programs()}
        pids = {name: int(re.findall(r"pid (\d+)", text)[0]) for name, text in words.items() if "pid" in text}
        pids["supervisord"] = int(self._paths.supervisord_pid.read_text())
        return {name: outside[pid] for name, pid in pids.items()}

    def _numbers(self) -> list[tuple[int, int]]:
        """(pid on the node, pid on this machine) of every process."""
        found = []
        for pid in network.processes(self.name):
            with contextlib.suppress(OSError, StopIteration):
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                ids = next(line.split()[1:] for line in lines if line.startswith("NSpid:"))
                if len(ids) > 1:
                    found.append((int(ids[-1]), pid))
        return found


def tracebacks(names: list[str]) -> list[str]:
    """Where a traceback stands in the logs of these machines, with its last line."""
    found = []
    for name in names:
        for path in state.logs(name):
            lines = path.read_text(errors="replace").splitlines()
            for at, line in enumerate(lines):
                if "Traceback" in line:
                    ends = next((text for text in lines[at + 1 :] if text[:1].strip()), "")
                    found.append(f"{name} {path.name}: {ends}")
    return found
