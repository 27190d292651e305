"""Health checks of all tasks: when one is due, what its result means, what follows."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from appliance.lab.marathon import events, health
from appliance.lab.marathon.model import RUNNING, stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.lab.marathon.bus import Bus
    from appliance.lab.marathon.model import CheckState, Instance, Json
    from appliance.lab.marathon.state import State

WORKERS = 8


class Checking:
    """`kill` ends a task that failed too often."""

    def __init__(self, state: State, bus: Bus, kill: Callable[[Instance], None]) -> None:
        self._state = state
        self._bus = bus
        self._kill = kill
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="health")

    def stop(self) -> None:
        self._pool.shutdown()

    def start_due(self, now: float) -> float:
        """Start the looks that are due; returns when the next one is."""
        again = now + 3600
        for instance in self._state.instances:
            for check, known in zip(instance.definition.checks, instance.checks):
                if known.busy or instance.condition != RUNNING:
                    continue
                if known.due_at <= now:
                    known.busy = True
                    self._pool.submit(partial(self._look, instance, check, known))
                else:
                    again = min(again, known.due_at)
        return again

    def _look(self, instance: Instance, check: Json, known: CheckState) -> None:
        cause = health.failure(health.look_at(instance, check))
        with self._state.changed:
            known.busy = False
            known.due_at = time.monotonic() + check["intervalSeconds"]
            if known in instance.checks and not instance.killed:
                if cause is None:
                    self._passed(instance, known)
                else:
                    self._failed(instance, check, known, cause)
            self._state.changed.notify_all()

    def _passed(self, instance: Instance, known: CheckState) -> None:
        known.last_success = stamp(time.time())
        known.first_success = known.first_success or known.last_success
        known.consecutive_failures = 0
        self._flip(instance, known, alive=True)

    def _failed(self, instance: Instance, check: Json, known: CheckState, cause: str) -> None:
        """A failure before the first success counts only after the grace period."""
        young = time.monotonic() - instance.running_since < check["gracePeriodSeconds"]
        if young and known.first_success is None:
            return
        known.last_failure, known.cause = stamp(time.time()), cause
        known.consecutive_failures += 1
        self._bus.publish(events.check_failed(instance, check))
        self._flip(instance, known, alive=False)
        allowed = check["maxConsecutiveFailures"]
        if allowed and known.consecutive_failures >= allowed:
            self._bus.publish(events.unhealthy_kill(instance, cause))
            self._kill(instance)

    def _flip(self, instance: Instance, known: CheckState, *, alive: bool) -> None:
        """Announce this check's change, then the instance's where the sum of its checks changed."""
        if known.alive == alive:
            return
        known.alive = alive
        self._bus.publish(events.health_changed(instance, alive))
        if instance.healthy != instance.announced_health:
            instance.announced_health = instance.healthy
            self._bus.publish(events.instance_health_changed(instance))
