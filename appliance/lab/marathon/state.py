"""Everything the leader knows, and the questions asked of it. Used under `State.changed` only."""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass, field
from threading import Condition
from typing import TYPE_CHECKING

from appliance.lab.marathon.dialects import NEW, AppView
from appliance.lab.marathon.errors import RefusedError, locked, missing_app
from appliance.lab.marathon.model import SCHEDULED, stamp
from appliance.lab.marathon.service_ports import service_ports

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from appliance.lab.marathon.model import Agent, Definition, Deployment, Instance, Json

VERSIONS_KEPT = 25


@dataclass
class State:
    agents: Sequence[Agent]
    dialect: str = NEW
    apps: dict[str, Definition] = field(default_factory=dict)
    versions: dict[str, deque[Definition]] = field(default_factory=dict)
    """Newest first; forgotten with the app."""
    instances: list[Instance] = field(default_factory=list)
    """Of all apps, also of those deleted whose tasks are not dead yet."""
    deployments: list[Deployment] = field(default_factory=list)
    last_failures: dict[str, Json] = field(default_factory=dict)
    failures_in_a_row: dict[str, int] = field(default_factory=dict)
    changed: Condition = field(default_factory=Condition)
    _last_version: float = 0.0

    def next_version(self) -> str:
        """Now, but later than every version given before: versions are compared."""
        self._last_version = max(time.time(), self._last_version + 0.001)
        return stamp(self._last_version)

    def app(self, app_id: str) -> Definition:
        if app_id not in self.apps:
            raise missing_app(app_id)
        return self.apps[app_id]

    def of_app(self, app_id: str) -> list[Instance]:
        return [each for each in self.instances if each.app_id == app_id]

    def tasks(self, app_id: str | None = None) -> list[Instance]:
        """Instances of existing apps that have an agent."""
        apps = self.apps if app_id is None else {app_id}
        return [each for each in self.instances if each.agent and each.app_id in apps]

    def waiting(self, app_id: str) -> list[Instance]:
        return [each for each in self.of_app(app_id) if each.condition == SCHEDULED]

    def view(self, app_id: str) -> AppView:
        return AppView(
            self.app(app_id),
            self.of_app(app_id),
            [each.id for each in self.deployments if each.app_id == app_id],
            self.last_failures.get(app_id),
        )

    def version(self, app_id: str, version: str) -> Definition:
        for each in self.versions.get(app_id, ()):
            if each.version == version:
                return each
        raise RefusedError(404, {"message": f"App '{app_id}' version '{version}' does not exist"})

    def taken_ports(self) -> set[int]:
        return {port for each in self.apps.values() for port in service_ports(each.document)}

    def delay_s(self, instances: Iterable[Instance]) -> int:
        """Whole seconds until the first of them may be launched."""
        return max(0, math.ceil(min(each.not_before for each in instances) - time.monotonic()))

    def store(self, definition: Definition) -> None:
        self.apps[definition.id] = definition
        self.versions.setdefault(definition.id, deque(maxlen=VERSIONS_KEPT)).appendleft(definition)

    def forget(self, app_id: str) -> None:
        del self.apps[app_id]
        self.versions.pop(app_id, None)
        self.last_failures.pop(app_id, None)
        self.failures_in_a_row.pop(app_id, None)

    def locking(self, app_id: str) -> list[Deployment]:
        return [each for each in self.deployments if each.app_id == app_id]

    def refuse_if_locked(self, app_ids: Iterable[str]) -> None:
        ids = [each.id for app_id in app_ids for each in self.locking(app_id)]
        if ids:
            raise locked(ids)
