"""Everything the leader knows, and the questions asked of it. Used under `State.changed` only."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from itertools import chain
from threading import Condition
from typing import TYPE_CHECKING

from appliance.lab.marathon.dialects import NEW, AppView
from appliance.lab.marathon.errors import RefusedError, locked, missing_app
from appliance.lab.marathon.instances import Instances
from appliance.lab.marathon.model import SCHEDULED, Instance, stamp
from appliance.lab.marathon.service_ports import service_ports

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from appliance.lab.marathon.model import Agent, Definition, Deployment, Json

VERSIONS_KEPT = 25


@dataclass
class State:
    agents: Sequence[Agent]
    dialect: str = NEW
    """Of the leader."""
    short_ids: bool = False
    """Instances made now get ids as up to 1.6."""
    pretend: bool = False
    """Tasks launched now are no processes."""
    task_killing: bool = False
    """The feature that announces TASK_KILLING."""
    led: bool = True
    """There is a leader: without one nothing is deployed, launched or checked."""
    apps: dict[str, Definition] = field(default_factory=dict)
    versions: dict[str, deque[Definition]] = field(default_factory=dict)
    """Newest first; forgotten with the app."""
    instances: Instances = field(default_factory=Instances)
    """Of all apps, also of those deleted whose tasks are not dead yet."""
    lost_agents: set[str] = field(default_factory=set)
    """Names of agents that Mesos cannot reach."""
    deployments: list[Deployment] = field(default_factory=list)
    last_failures: dict[str, Json] = field(default_factory=dict)
    failures_in_a_row: dict[str, int] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Of each app: another number, another JSON of it (deployments left out)."""
    changes: int = 0
    """All revisions of all apps."""
    scaled: set[str] = field(default_factory=set)
    """Apps of the scale mode: their tasks are no processes, on agents that do not exist."""
    changed: Condition = field(default_factory=Condition)
    _last_version: float = 0.0
    _pretended: int = 0

    def next_version(self) -> str:
        """Now, but later than every version given before: versions are compared."""
        self._last_version = max(time.time(), self._last_version + 0.001)
        return stamp(self._last_version)

    def app(self, app_id: str) -> Definition:
        if app_id not in self.apps:
            raise missing_app(app_id)
        return self.apps[app_id]

    def of_app(self, app_id: str) -> list[Instance]:
        return self.instances.of_app(app_id)

    def instance(self, definition: Definition) -> Instance:
        """A new one as the leader makes it now."""
        pretend = self.pretend or definition.id in self.scaled
        return Instance(definition, pretend=pretend, short_ids=self.short_ids)

    def next_pretended(self) -> int:
        """Number of the next task of the scale mode: no two of them are at one place."""
        self._pretended += 1
        return self._pretended

    def add(self, instance: Instance) -> None:
        self.instances.add(instance)
        self.touch(instance.app_id)

    def drop(self, instance: Instance) -> None:
        self.instances.remove(instance)
        self.touch(instance.app_id)

    def touch(self, app_id: str) -> None:
        """Something that an app's JSON shows has changed."""
        self.revisions[app_id] += 1
        self.changes += 1

    def tasks(self, app_id: str | None = None) -> list[Instance]:
        """Instances of existing apps that have an agent."""
        apps = self.apps if app_id is None else {app_id}
        return [each for known in apps for each in self.of_app(known) if each.agent]

    def task(self, task_id: str) -> Instance:
        """The instance whose task, or itself, is called so. Raises the 404 of an unknown one."""
        path: str = task_id.rpartition(".instance-")[0] or task_id.partition(".")[0]
        likely = self.of_app("/" + path.replace("_", "/"))
        for each in chain(likely, self.instances):
            if task_id in (each.task_id, each.id):
                return each
        raise RefusedError(404, {"message": f"Task '{task_id}' does not exist"})

    def available_agents(self) -> list[Agent]:
        return [each for each in self.agents if each.name not in self.lost_agents]

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
        self.touch(definition.id)

    def forget(self, app_id: str) -> None:
        del self.apps[app_id]
        self.versions.pop(app_id, None)
        self.last_failures.pop(app_id, None)
        self.failures_in_a_row.pop(app_id, None)
        self.touch(app_id)

    def locking(self, app_id: str) -> list[Deployment]:
        return [each for each in self.deployments if each.app_id == app_id]

    def refuse_if_locked(self, app_ids: Iterable[str]) -> None:
        ids = [each.id for app_id in app_ids for each in self.locking(app_id)]
        if ids:
            raise locked(ids)
