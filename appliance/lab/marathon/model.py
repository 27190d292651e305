"""The nouns of the embedded Marathon. Instances and deployments change, always under the scheduler's lock."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.commands import Process

Json = dict[str, Any]

PORT_RANGE = range(31000, 32001)

SCHEDULED = "Scheduled"
PROVISIONED = "Provisioned"
STARTING = "Starting"
RUNNING = "Running"
KILLING = "Killing"
UNREACHABLE = "Unreachable"
INACTIVE = "UnreachableInactive"

TASK_STATES = {
    SCHEDULED: "TASK_STAGING",
    PROVISIONED: "TASK_STAGING",
    STARTING: "TASK_STARTING",
    RUNNING: "TASK_RUNNING",
    KILLING: "TASK_KILLING",
    UNREACHABLE: "TASK_UNREACHABLE",
    INACTIVE: "TASK_UNREACHABLE",
    "Killed": "TASK_KILLED",
    "Finished": "TASK_FINISHED",
    "Failed": "TASK_FAILED",
}
"""Condition of an instance (Marathon's word) -> state of its task (Mesos' word)."""

START = "StartApplication"
SCALE = "ScaleApplication"
RESTART = "RestartApplication"
STOP = "StopApplication"


def stamp(seconds: float) -> str:
    """Unix time as Marathon writes it: RFC 3339, milliseconds, Z."""
    at = datetime.fromtimestamp(seconds, timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


@dataclass(frozen=True)
class Agent:
    """A Mesos agent. `netns` is the network namespace its tasks run in; None = where Marathon runs."""

    name: str
    address: str
    netns: str | None = None


@dataclass(frozen=True)
class Definition:
    """One version of an app. `document` is the new dialect's, complete (see `definition.complete`)."""

    document: Mapping[str, Any]
    version: str
    config_version: str
    """Version of the last change that needs new tasks; a pure scaling keeps it."""
    scaled_version: str

    @property
    def id(self) -> str:
        return str(self.document["id"])

    @property
    def instances(self) -> int:
        return int(self.document["instances"])

    @property
    def mode(self) -> str:
        return str(self.document["networks"][0]["mode"])

    @property
    def ports(self) -> list[Json]:
        """The port definitions or port mappings, whichever this network mode has."""
        if self.mode == "host":
            return list(self.document.get("portDefinitions", ()))
        return list(self.document.get("container", {}).get("portMappings", ()))

    @property
    def checks(self) -> list[Json]:
        return list(self.document.get("healthChecks", ()))

    @property
    def docker(self) -> bool:
        return bool(self.document.get("container", {}).get("type") == "DOCKER")


@dataclass(eq=False)
class CheckState:
    """What one health check knows of one task, and when it is due again (monotonic)."""

    due_at: float
    busy: bool = False
    alive: bool | None = None
    consecutive_failures: int = 0
    first_success: str | None = None
    last_success: str | None = None
    last_failure: str | None = None
    cause: str | None = None
    forced: bool | None = None
    """What the operator wants it to find, whatever the task answers; None = look."""


@dataclass(eq=False)
class Instance:
    """A place of an app; each relaunch of its task is the next incarnation."""

    definition: Definition
    uuid: str = field(default_factory=lambda: str(uuid.uuid1()))
    incarnation: int = 1
    pretend: bool = False
    """Its task is no process: it runs as soon as it is launched and ends as soon as it is killed."""
    short_ids: bool = False
    """Ids as up to 1.6: each relaunch is an instance of its own, the task's id carries the uuid alone."""
    condition: str = SCHEDULED
    doomed: bool = False
    """Chosen to end and not to come back; still listed, as running, until its task is dead."""
    killed: bool = False
    """Its task was asked to end by us, so its death is TASK_KILLED."""
    agent: Agent | None = None
    ports: tuple[int, ...] = ()
    """Host ports, one per port definition that has one."""
    listens: tuple[int, ...] = ()
    """Where index n of the port definitions is served."""
    process: Process[bytes] | None = None
    staged_at: str | None = None
    started_at: str | None = None
    running_since: float = 0.0
    not_before: float = 0.0
    """Back-off: monotonic time of the earliest launch."""
    unreachable_since: float | None = None
    """Monotonic time since when its agent is lost."""
    replaced: bool = False
    """It is unreachable for long enough that another instance took its place."""
    kill_at: float | None = None
    """Monotonic time when SIGKILL follows SIGTERM."""
    checks: list[CheckState] = field(default_factory=list)
    announced_health: bool | None = None

    @property
    def app_id(self) -> str:
        return self.definition.id

    @property
    def path(self) -> str:
        """The app's id as it begins the ids of its tasks."""
        return self.app_id.lstrip("/").replace("/", "_")

    @property
    def id(self) -> str:
        kind = "marathon" if self.short_ids else "instance"
        return f"{self.path}.{kind}-{self.uuid}"

    @property
    def task_id(self) -> str:
        return f"{self.path}.{self.uuid}" if self.short_ids else f"{self.id}._app.{self.incarnation}"

    @property
    def has_task(self) -> bool:
        """There is a task that has to be killed before this instance is gone."""
        return self.process is not None or (self.pretend and self.agent is not None)

    @property
    def state(self) -> str:
        return TASK_STATES[self.condition]

    @property
    def healthy(self) -> bool | None:
        """None while a check has not reported yet, or there is none."""
        results = [check.alive for check in self.checks]
        if False in results:
            return False
        return True if results and None not in results else None

    @property
    def ready(self) -> bool:
        """Counts for a deployment: running, not about to end, and healthy where checks are defined."""
        wanted = self.condition == RUNNING and not self.doomed and not self.killed
        return wanted and (not self.definition.checks or self.healthy is True)


@dataclass(frozen=True)
class Action:
    kind: str
    app_id: str


@dataclass(eq=False)
class Deployment:
    version: str
    steps: tuple[Action, ...]
    """One action a step; an empty plan succeeds at once."""
    app_id: str
    before: Definition | None
    """None when the app is new."""
    after: Definition | None
    """None when the app goes away."""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    current: int = -1
    """Index of the step at work; -1 before the first."""
    old_at_start: int = 0
    """Instances of older versions when a restart began."""
