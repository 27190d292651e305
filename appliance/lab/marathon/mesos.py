"""The Mesos master beside Marathon: who the agents are, and where Marathon is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from appliance.lab.marathon.dialects import slave_id
from appliance.lab.marathon.errors import RefusedError
from appliance.lab.marathon.messages import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Callable

    from appliance.lab.marathon.messages import Payload, Request
    from appliance.lab.marathon.model import Agent, Json
    from appliance.lab.marathon.web import Connection


class MesosMaster:
    """Everything on the Mesos master's port. `leader` is its own host:port, `marathon_url` Marathon's.

    `agents` tells those that are registered now.
    """

    def __init__(self, agents: Callable[[], Sequence[Agent]]) -> None:
        self.leader = ""
        self.marathon_url = ""
        self._agents = agents
        self._since = time.time()

    def stream(self, request: Request, connection: Connection) -> bool:  # noqa: ARG002 - has no streams
        return False

    def broken(self, request: Request, connection: Connection) -> int | None:  # noqa: ARG002 - never is
        return None

    def spoiled(self, request: Request, payload: Payload) -> Payload:  # noqa: ARG002 - never is
        return payload

    def headers(self) -> Mapping[str, str]:
        return {}

    def answer(self, request: Request) -> Answer:
        if request.path in ("/master/slaves", "/slaves"):
            return Answer({"slaves": self._slaves(), "recovered_slaves": []})
        if request.path in ("/master/state", "/master/state.json", "/state"):
            return Answer(self._state())
        raise RefusedError(404)

    def _slaves(self) -> list[Json]:
        return [
            {
                "id": slave_id(agent.name),
                "hostname": agent.name,
                "pid": f"slave(1)@{agent.address}:5051",
                "active": True,
                "registered_time": self._since,
                "attributes": {},
                "resources": {"cpus": 8.0, "mem": 16384.0, "disk": 102400.0, "ports": "[31000-32000]"},
            }
            for agent in self._agents()
        ]

    def _state(self) -> Json:
        host, _, port = self.leader.rpartition(":")
        return {
            "version": "1.9.0",
            "leader": f"master@{self.leader}",
            "leader_info": {"hostname": host, "port": int(port), "pid": f"master@{self.leader}"},
            "frameworks": [{"name": "marathon", "active": True, "webui_url": self.marathon_url}],
            "slaves": self._slaves(),
        }
