"""The embedded Marathon as one object."""

from __future__ import annotations

import secrets
from collections import deque
from contextlib import ExitStack
from threading import Thread
from typing import TYPE_CHECKING, Any

from appliance.lab.marathon import plans
from appliance.lab.marathon import scale as scaling
from appliance.lab.marathon.api import Api
from appliance.lab.marathon.bus import Bus
from appliance.lab.marathon.control import Control
from appliance.lab.marathon.dialects import DIALECTS, NEW
from appliance.lab.marathon.election import Election, Timing
from appliance.lab.marathon.faults.registry import Faults
from appliance.lab.marathon.flavours import OF_DIALECT, flavour
from appliance.lab.marathon.launcher import Processes
from appliance.lab.marathon.master import Master
from appliance.lab.marathon.masters import Masters
from appliance.lab.marathon.mesos import MesosMaster
from appliance.lab.marathon.model import Agent
from appliance.lab.marathon.scheduler import Scheduler
from appliance.lab.marathon.shared import Shared
from appliance.lab.marathon.state import State
from appliance.lab.marathon.tls import Certificate
from appliance.lab.marathon.web import REQUESTS_KEPT, Server

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from typing_extensions import Self

    from appliance.lab.marathon.launcher import Launcher
    from appliance.lab.marathon.model import Deployment, Json


def loopback_agents(count: int = 3) -> tuple[Agent, ...]:
    """Agents on loopback addresses of their own, so that two Marathons on one machine rarely meet."""
    a, b = secrets.randbelow(200) + 20, secrets.randbelow(250)
    return tuple(Agent(f"slave-{n}", f"127.{a}.{b}.{n}") for n in range(1, count + 1))


class Marathon:
    """A Marathon cluster and its Mesos master; real task processes, ended with it.

    ::

        with Marathon(credentials="user:secret", masters=3, heartbeat_s=0.2) as marathon:
            requests.post(f"{marathon.url}/v2/apps", json={...}, auth=("user", "secret"))
            marathon.inject("stream-half-open", times=1)

    - `agents`: where tasks run; by default three on loopback addresses (`loopback_agents`).
    - `address`, `port`, `mesos_port`, `control_port`: where to listen; port 0 = any free one. Master n
      listens at `port` + n. The control port answers `/_lab/…` (see `control`), and no fault touches it.
    - `masters`: how many; the first one leads until something happens to it.
    - `flavours`: version that each master speaks as (`flavours.FLAVOURS`); one for all, or one each.
      `dialect` says the same in short: "new" = "1.8", "old" = "1.4".
    - `credentials`, `mesos_credentials`: `user:password` for basic auth; None = open.
    - `tls`: the masters speak HTTPS; `ca_cert` is the file to trust.
    - `heartbeat_s` of the event stream; `recheck_s`: a new leader's first health checks; `timing`: the rest.
    - `processes`: False = tasks are no processes: they run, and are healthy, as soon as they are launched.
    - `task_killing`: the feature that announces TASK_KILLING.
    - `scale`: (apps, tasks each) to begin with, none of them a process.
    - `launcher`: one method, `launch(agent, argv)`, that starts a task.

    All ports listen as soon as it is constructed; it answers between `start` and `stop`.
    """

    def __init__(
        self,
        agents: Sequence[Agent] | None = None,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        mesos_port: int = 0,
        control_port: int = 0,
        masters: int = 1,
        flavours: str | Sequence[str] | None = None,
        dialect: str = NEW,
        credentials: str | None = None,
        mesos_credentials: str | None = None,
        tls: bool = False,
        heartbeat_s: float = 10.0,
        recheck_s: float = 1.0,
        timing: Timing | None = None,
        processes: bool = True,
        task_killing: bool = False,
        scale: Sequence[int] = (0, 0),
        launcher: Launcher | None = None,
    ) -> None:
        spoken = _spoken(flavours, dialect, masters)
        self.agents = loopback_agents() if agents is None else tuple(agents)
        self._certificate = Certificate(address) if tls else None
        self._state = State(self.agents, pretend=not processes, task_killing=task_killing)
        self._bus = Bus(flavour(spoken[0]), self._heavy)
        self._scheduler = Scheduler(self._state, self._bus, launcher or Processes())
        self._control = Control(self._state, self._scheduler)
        self._faults = Faults(self._bus)
        self._shared = Shared(
            api=Api(self._state, self._bus, self._scheduler),
            bus=self._bus,
            control=self._control,
            election=Election(masters, timing or Timing(), self._led_by),
            faults=self._faults,
            requests=deque(maxlen=REQUESTS_KEPT),
            heartbeat_s=heartbeat_s,
            credentials=credentials,
            server_tls=self._certificate.server() if self._certificate else None,
            client_tls=self._certificate.client() if self._certificate else None,
        )
        self._cluster = Masters(self._shared, self._state, self._scheduler, recheck_s)
        self._control.shared, self._faults.masters = self._shared, self._cluster
        self._shared.api.leadership = self._cluster
        self._listen(address, (port, mesos_port, control_port), spoken, mesos_credentials)
        if scale[0]:
            with self._state.changed:
                scaling.fill(self._state, self._bus, *scale)

    def _listen(
        self, address: str, ports: tuple[int, int, int], spoken: Sequence[str], mesos_credentials: str | None
    ) -> None:
        """Open every port, or none."""
        mesos = MesosMaster(self._state.available_agents)
        with ExitStack() as opened:
            members = []
            for number, name in enumerate(spoken):
                port = ports[0] and ports[0] + number
                members.append(Master(number, flavour(name), (address, port), self._shared))
                opened.callback(members[-1].close)
            self._mesos_server = Server((address, ports[1]), mesos, mesos_credentials)
            opened.callback(self._mesos_server.server_close)
            self._control_server = Server((address, ports[2]), self._control)
            opened.pop_all()
        self._cluster.join(members)
        self.urls = [f"{self._shared.scheme}://{each.netloc}" for each in members]
        self.url = mesos.marathon_url = self.urls[0]
        mesos.leader = self._mesos_server.netloc
        self.mesos_url = f"http://{mesos.leader}"
        self.control_url = f"http://{self._control_server.netloc}"

    @property
    def ca_cert(self) -> Path | None:
        """The certificate to trust; None without TLS."""
        return self._certificate.path if self._certificate else None

    @property
    def leader_url(self) -> str | None:
        """None while there is no leader."""
        return self._shared.leader_url

    def inject(self, kind: str, **wanted: Any) -> str:
        """Switch a fault on, as `POST /_lab/faults`; returns its id. Raises RefusedError."""
        return self._faults.add({"kind": kind, **wanted}).id

    def clear(self, fault_id: str | None = None) -> None:
        """Switch a fault off, or all of them."""
        self._faults.clear(fault_id)

    def truth(self) -> Json:
        """What the leader answers to `/v2/apps?embed=apps.tasks`, whatever faults are on."""
        return self._control.truth()

    def _heavy(self, plan: Json, deployment: Deployment) -> Json:
        return plans.heavy(plan, deployment, self._state.apps, self._state.dialect)

    def _led_by(self, leader: int | None) -> None:
        self._cluster.led_by(leader)

    def start(self) -> None:
        self._scheduler.start()
        for member in self._shared.members:
            member.start()
        for server in (self._mesos_server, self._control_server):
            Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Close the streams and listeners, end every task."""
        self._shared.election.stop()
        self._faults.forget()
        for member in self._shared.members:
            member.exit()
        for server in (self._mesos_server, self._control_server):
            server.shutdown()
            server.server_close()
        self._bus.close()
        self._scheduler.stop()
        if self._certificate:
            self._certificate.remove()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _spoken(flavours: str | Sequence[str] | None, dialect: str, masters: int) -> list[str]:
    """The flavour of each master. Raises ValueError."""
    if dialect not in DIALECTS:
        raise ValueError(f"dialect is '{dialect}': use one of {', '.join(DIALECTS)}")
    if masters < 1:
        raise ValueError(f"masters is {masters}: there has to be one")
    given = [flavours] if isinstance(flavours, str) else list(flavours or [OF_DIALECT[dialect]])
    for name in given:
        flavour(name)
    return [given[number % len(given)] for number in range(masters)]
