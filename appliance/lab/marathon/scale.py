"""Thousands of apps whose tasks are no processes, and one of them that changes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from appliance.lab.marathon import events
from appliance.lab.marathon.definition import complete
from appliance.lab.marathon.model import RUNNING, CheckState, Definition, Instance, stamp
from appliance.lab.marathon.placement import pretended

if TYPE_CHECKING:
    from appliance.lab.marathon.bus import Bus
    from appliance.lab.marathon.model import Json
    from appliance.lab.marathon.scheduler import Scheduler
    from appliance.lab.marathon.state import State

_SERVICE_PORTS = range(20001, 60000)
"""Above what Marathon gives by itself."""


def fill(state: State, bus: Bus, apps: int, tasks: int) -> int:
    """Apps /scale-0 … that run and are healthy; returns how many apps there are now."""
    pattern = complete(_document("/scale-0", tasks))
    version = state.next_version()
    for number in range(apps):
        app_id = f"/scale-{number}"
        if app_id not in state.apps:
            definition = Definition(_numbered(pattern, app_id, number), version, version, version)
            state.scaled.add(app_id)
            state.store(definition)
            for _ in range(tasks):
                state.instances.add(_running(state, definition), watched=False)
    bus.publish(events.group_change("/scale", version))
    return len(state.apps)


def churn(state: State, scheduler: Scheduler, app_id: str, how: str) -> Json:
    """Move the app's oldest task, or flip its health; returns where the task is now."""
    running = [each for each in state.of_app(app_id) if each.condition == RUNNING and not each.killed]
    if not running:
        return {"app": app_id, "task": None}
    instance = running[0]
    if how == "move":
        scheduler.move(instance)
    else:
        scheduler.checking.force(instance, instance.healthy is False)
        scheduler.look()
    host = instance.agent.address if instance.agent else None
    return {
        "app": app_id,
        "task": instance.task_id,
        "host": host,
        "ports": list(instance.ports),
        "healthy": instance.healthy,
    }


def _document(app_id: str, instances: int) -> Json:
    mapping = {"containerPort": 8080, "hostPort": 0, "servicePort": _SERVICE_PORTS[0], "protocol": "tcp"}
    return {
        "id": app_id,
        "instances": instances,
        "cpus": 0.1,
        "mem": 32,
        "labels": {"HAPROXY_GROUP": "external"},
        "networks": [{"mode": "container/bridge"}],
        "container": {"type": "DOCKER", "docker": {"image": "scale"}, "portMappings": [mapping]},
        "healthChecks": [{"path": "/", "maxConsecutiveFailures": 0}],
    }


def _numbered(pattern: Json, app_id: str, number: int) -> Json:
    """The pattern for one app. What is equal in all of them is one object: there are many."""
    mapping = {
        **pattern["container"]["portMappings"][0],
        "servicePort": _SERVICE_PORTS[number % len(_SERVICE_PORTS)],
    }
    labels = {**pattern["labels"], "HAPROXY_0_VHOST": f"{app_id.strip('/')}.example.com"}
    return {
        **pattern,
        "id": app_id,
        "labels": labels,
        "container": {**pattern["container"], "portMappings": [mapping]},
    }


def _running(state: State, definition: Definition) -> Instance:
    place = pretended(definition, state.next_pretended())
    now = stamp(time.time())
    passed = CheckState(0.0, alive=True, first_success=now, last_success=now)
    instance = Instance(definition, pretend=True, short_ids=state.short_ids, condition=RUNNING)
    instance.agent, instance.ports, instance.listens = place.agent, place.ports, place.listens
    instance.staged_at = instance.started_at = now
    instance.running_since, instance.checks, instance.announced_health = time.monotonic(), [passed], True
    return instance
