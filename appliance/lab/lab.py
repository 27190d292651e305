"""A running lab, as the commands, the demo and the tests use it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from appliance import commands
from appliance.errors import ApplianceError
from appliance.lab import faults, machine, network, state
from appliance.lab.load import Request, Summary, summary
from appliance.lab.topology import INTERFACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.lab.topology import Machine

_Found = TypeVar("_Found")
_LOOK_S = 0.05


@dataclass(frozen=True)
class Answer:
    """An HTTP answer as curl saw it. `status` 0: there was none, `body` says why."""

    status: int
    headers: Mapping[str, str]
    body: str

    def json(self) -> Any:
        return json.loads(self.body)


class Lab:
    def __init__(self, running: state.State) -> None:
        self.topology = running.topology
        self.vip = running.topology.vip
        self.published = running.published

    @classmethod
    def running(cls) -> Lab:
        """The lab on this machine. Raises NotRunningError."""
        return cls(state.load())

    # --- commands on machines

    def exec(
        self, name: str, *argv: str | Path, timeout_s: float = 20.0, stdin: str | None = None
    ) -> commands.Completed:
        """Run `argv` on the machine `name` to its end, as an operator there would."""
        words = machine.entering(self.topology.machine(name), [str(word) for word in argv])
        return commands.run(words, timeout_s=timeout_s, stdin=stdin, env=machine.environment(), cwd=Path("/"))

    def fault(self, kind: str, name: str) -> None:
        faults.inflict(kind, self.topology, self.topology.slave(name))

    # --- HTTP from the client's machine

    def get(self, url: str, host: str = "", *options: str) -> Answer:
        """Ask from the client's machine. `url` may be just a path on the VIP; `options` are curl's."""
        full = url if "://" in url else f"http://{self.vip}{url}"
        headers = ["-H", f"Host: {host}"] if host else []
        done = self.curl("-sS", "-i", "--max-time", "5", *headers, *options, full)
        if done.code != 0:
            return Answer(0, {}, done.message)
        head, _, body = done.output.replace("\r\n", "\n").partition("\n\n")
        first, *lines = head.split("\n")
        pairs = (line.partition(":") for line in lines)
        return Answer(int(first.split()[1]), {n.lower(): v.strip() for n, _, v in pairs}, body)

    def curl(self, *arguments: str | Path) -> commands.Completed:
        return self.exec("client", "curl", *arguments)

    # --- Marathon

    def deploy(self, app: Mapping[str, Any] | Path) -> None:
        """Post an app's document, or the file that holds it. Raises ApplianceError with Marathon's words."""
        body = app.read_text(encoding="utf-8") if isinstance(app, Path) else json.dumps(app)
        self._marathon("POST", "/v2/apps", body)

    def scale(self, app_id: str, instances: int) -> None:
        self._marathon("PUT", f"/v2/apps/{app_id.strip('/')}", json.dumps({"instances": instances}))

    def delete(self, app_id: str) -> None:
        self._marathon("DELETE", f"/v2/apps/{app_id.strip('/')}")

    def marathon_app(self) -> Any:
        """Our load balancer as an app, as a slave prints it."""
        done = self.exec(self.topology.slaves[0].name, "appliance", "marathon-app")
        if done.code != 0:
            raise ApplianceError(f"appliance marathon-app: {done.message}")
        return json.loads(done.output)

    def kill_tasks(self, app_id: str) -> None:
        """All of the app's; Marathon starts others."""
        self._marathon("DELETE", f"/v2/apps/{app_id.strip('/')}/tasks")

    def app_ids(self) -> list[str]:
        """Ids of all apps, as `nginx` rather than `/nginx`."""
        apps = self.get(f"{self.topology.marathon}/v2/apps").json()["apps"]
        return [str(app["id"]).strip("/") for app in apps]

    def tasks(self, app_id: str) -> list[dict[str, Any]]:
        """The app's tasks as Marathon lists them."""
        answer = self.get(f"{self.topology.marathon}/v2/apps/{app_id.strip('/')}/tasks")
        return list(answer.json()["tasks"]) if answer.status == 200 else []

    def _marathon(self, method: str, path: str, body: str = "") -> None:
        options = ["-X", method, *(["-H", "Content-Type: application/json", "-d", body] if body else [])]
        answer = self.get(f"{self.topology.marathon}{path}", "", *options)
        if answer.status not in (200, 201):
            raise ApplianceError(f"Marathon answered {method} {path} by {answer.status}: {answer.body[:300]}")

    # --- the VIP and the nodes

    def holders(self) -> list[Machine]:
        """The slaves that have the VIP on their interface now."""
        return [
            slave for slave in self.topology.slaves if self.vip in network.addresses(slave.name, INTERFACE)
        ]

    def owner(self) -> Machine | None:
        """The one slave that has the VIP; None while it is none or more than one."""
        holders = self.holders()
        return holders[0] if len(holders) == 1 else None

    def serving(self) -> Machine | None:
        """The owner of the VIP, once its load balancer works."""
        owner = self.owner()
        return owner if owner and self.verdict(owner) == "HEALTHY" else None

    def status(self, slave: Machine) -> dict[str, Any]:
        """What the slave's agent says of its node, asked over the network; empty when it does not answer."""
        answer = self.get(f"http://{slave.address}:9099/status.json", "", "--max-time", "2")
        try:
            said = answer.json() if answer.status == 200 else {}
        except ValueError:
            said = {}
        return said if isinstance(said, dict) else {}

    def why(self) -> str:
        """Who owns the VIP and why, in the words of `appliance status` on a node."""
        for slave in self.topology.slaves:
            done = self.exec(slave.name, "appliance", "status", "-f", "json")
            if done.output:
                return str(json.loads(done.output)["why"])
        return "no node says who owns the VIP"

    def verdict(self, slave: Machine) -> str:
        return str(self.status(slave).get("health", {}).get("verdict", "unknown"))

    def wait(self, what: str, condition: Callable[[], _Found | None], timeout_s: float = 15.0) -> _Found:
        """Look until `condition()` is true and return it. Raises ApplianceError when it takes too long."""
        deadline = time.monotonic() + timeout_s
        while True:
            if found := condition():
                return found
            if time.monotonic() > deadline:
                raise ApplianceError(f"after {timeout_s:g} s still not: {what}")
            time.sleep(_LOOK_S)

    def wait_healthy(self, timeout_s: float = 20.0) -> Machine:
        """Wait until all three nodes are healthy and one has the VIP; return that one."""
        deadline = time.monotonic() + timeout_s
        for slave in self.topology.slaves:
            self._wait_for_verdict(slave, "HEALTHY", max(1.0, deadline - time.monotonic()))
        return self.wait("one owner of the VIP", self.owner, max(1.0, deadline - time.monotonic()))

    def _wait_for_verdict(self, slave: Machine, verdict: str, timeout_s: float) -> None:
        self.wait(f"{slave.name} {verdict}", lambda: self.verdict(slave) == verdict, timeout_s)

    # --- load

    def load(
        self, url: str = "", *, host: str = "", interval_ms: float = 10.0, deadline_ms: float = 250.0
    ) -> RunningLoad:
        """Start asking from the client's machine; `stop()` gives the record."""
        return RunningLoad(self, url or f"http://{self.vip}/", host, interval_ms, deadline_ms)


class RunningLoad:
    """The load client at work in the client's namespace. Ends with the `with` block at the latest."""

    def __init__(self, lab: Lab, url: str, host: str, interval_ms: float, deadline_ms: float) -> None:
        options = ["--url", url, "--host", host]
        options += ["--interval-ms", f"{interval_ms:g}", "--deadline-ms", f"{deadline_ms:g}"]
        argv = machine.python("load", *options, "--until-signal", "--json", "--records")
        self._process = commands.start(
            machine.entering(lab.topology.client, argv),
            stdout=commands.PIPE,
            stderr=commands.PIPE,
            env=machine.environment(),
            cwd=Path("/"),
        )
        assert self._process.stderr is not None  # noqa: S101 - it is a pipe
        self._process.stderr.readline()

    def __enter__(self) -> RunningLoad:  # noqa: PYI034 - typing.Self needs Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def stop(self) -> tuple[list[Request], Summary]:
        """End it; all requests in order of their start, and what they add up to."""
        self._process.terminate()
        output, errors = self._process.communicate(timeout=10)
        if self._process.returncode != 0:
            raise ApplianceError(f"the load client failed: {errors.decode(errors='replace')[-500:]}")
        requests = [Request(**record) for record in json.loads(output)["records"]]
        return requests, summary(requests)
