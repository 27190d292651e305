"""What all masters of a simulated cluster share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from appliance.lab.marathon.election import named

if TYPE_CHECKING:
    import ssl
    from collections import deque

    from appliance.lab.marathon.api import Api
    from appliance.lab.marathon.bus import Bus
    from appliance.lab.marathon.control import Control
    from appliance.lab.marathon.election import Election
    from appliance.lab.marathon.faults.registry import Faults
    from appliance.lab.marathon.master import Master
    from appliance.lab.marathon.model import Json


@dataclass
class Shared:
    api: Api
    bus: Bus
    control: Control
    election: Election
    faults: Faults
    requests: deque[Json]
    heartbeat_s: float
    credentials: str | None
    server_tls: ssl.SSLContext | None = None
    client_tls: ssl.SSLContext | None = None
    members: list[Master] = field(default_factory=list)

    @property
    def netlocs(self) -> list[str]:
        """host:port of the masters, in order."""
        return [each.netloc for each in self.members]

    @property
    def scheme(self) -> str:
        return "https" if self.server_tls else "http"

    @property
    def leader(self) -> str | None:
        return named(self.election.leader, self.netlocs)

    @property
    def leader_url(self) -> str | None:
        return f"{self.scheme}://{self.leader}" if self.leader else None
