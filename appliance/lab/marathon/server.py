"""The embedded Marathon as one object."""

from __future__ import annotations

import secrets
from threading import Thread
from typing import TYPE_CHECKING

from appliance.lab.marathon.api import Api
from appliance.lab.marathon.bus import Bus
from appliance.lab.marathon.dialects import DIALECTS, NEW
from appliance.lab.marathon.launcher import Processes
from appliance.lab.marathon.mesos import MesosMaster
from appliance.lab.marathon.model import Agent
from appliance.lab.marathon.operator import Operator
from appliance.lab.marathon.scheduler import Scheduler
from appliance.lab.marathon.state import State
from appliance.lab.marathon.web import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

    from appliance.lab.marathon.launcher import Launcher


def loopback_agents(count: int = 3) -> tuple[Agent, ...]:
    """Agents on loopback addresses of their own, so that two Marathons on one machine rarely meet."""
    a, b = secrets.randbelow(200) + 20, secrets.randbelow(250)
    return tuple(Agent(f"slave-{n}", f"127.{a}.{b}.{n}") for n in range(1, count + 1))


class Marathon:
    """A Marathon and its Mesos master; real task processes, ended with it.

    ::

        with Marathon(credentials="user:secret", dialect="old", heartbeat_s=0.2) as marathon:
            requests.post(f"{marathon.url}/v2/apps", json={...}, auth=("user", "secret"))

    - `agents`: where tasks run; by default three on loopback addresses (`loopback_agents`).
    - `address`, `port`, `mesos_port`: where to listen; port 0 = any free one.
    - `credentials`, `mesos_credentials`: `user:password` for basic auth; None = open.
    - `dialect`: of the JSON it answers, "new" (1.5 and later) or "old" (up to 1.4).
    - `heartbeat_s`: of the event stream.
    - `launcher`: one method, `launch(agent, argv)`, that starts a task.

    Both ports listen as soon as it is constructed; it answers between `start` and `stop`.
    """

    def __init__(
        self,
        agents: Sequence[Agent] | None = None,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        mesos_port: int = 0,
        credentials: str | None = None,
        mesos_credentials: str | None = None,
        dialect: str = NEW,
        heartbeat_s: float = 10.0,
        launcher: Launcher | None = None,
    ) -> None:
        if dialect not in DIALECTS:
            raise ValueError(f"dialect is '{dialect}': use one of {', '.join(DIALECTS)}")
        self.agents = loopback_agents() if agents is None else tuple(agents)
        self._bus = Bus()
        state = State(self.agents, dialect)
        self._scheduler = Scheduler(state, self._bus, launcher or Processes())
        operator = Operator(state, self._bus, self._scheduler)
        api = Api(state, self._bus, self._scheduler, operator, heartbeat_s)
        mesos = MesosMaster(self.agents)
        self._server = Server((address, port), api, credentials)
        self._mesos_server = Server((address, mesos_port), mesos, mesos_credentials)
        api.leader, mesos.leader = self._server.netloc, self._mesos_server.netloc
        self.url = mesos.marathon_url = f"http://{api.leader}"
        self.mesos_url = f"http://{mesos.leader}"
        operator.requests = self._server.requests
        self._server.headers = {
            "X-Marathon-Leader": self.url,
            "X-Frame-Options": "DENY",
            "X-XSS-Protection": "1; mode=block",
        }

    def start(self) -> None:
        self._scheduler.start()
        for server in (self._server, self._mesos_server):
            Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Close the streams and listeners, end every task."""
        for server in (self._server, self._mesos_server):
            server.shutdown()
            server.server_close()
        self._bus.close()
        self._scheduler.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
