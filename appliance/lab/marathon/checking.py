"""Health checks of all tasks: when one is due, what its result means, what follows."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from appliance.lab.marathon import events, health
from appliance.lab.marathon.model import RUNNING, CheckState, stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.lab.marathon.bus import Bus
    from appliance.lab.marathon.model import Instance, Json
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
        for instance in self._state.instances.watched:
            if instance.condition != RUNNING:
                continue
            for check, known in zip(instance.definition.checks, instance.checks):
                if known.due_at > now:
                    again = min(again, known.due_at)
                elif instance.pretend:
                    self._found(instance, check, known, None)
                elif not known.busy:
                    known.busy = True
                    self._pool.submit(partial(self._look, instance, check, known))
            at_rest = instance.pretend and instance.condition == RUNNING
            if at_rest and all(known.alive is not None for known in instance.checks):
                self._state.instances.rest(instance)
        return again

    def forget(self, recheck_s: float) -> None:
        """A new leader knows no results; each check looks again after `recheck_s`."""
        due_at = time.monotonic() + recheck_s
        for instance in self._state.instances:
            instance.announced_health = None
            instance.checks = [CheckState(due_at, forced=known.forced) for known in instance.checks]
            if instance.checks:
                self._state.instances.watch(instance)
                self._state.touch(instance.app_id)

    def force(self, instance: Instance, alive: bool | None) -> None:
        """Each check of the instance finds `alive` from now on; None = what is true."""
        for known in instance.checks:
            known.forced, known.due_at = alive, 0.0
        self._state.instances.watch(instance)
        self._state.changed.notify_all()

    def _look(self, instance: Instance, check: Json, known: CheckState) -> None:
        cause = health.failure(health.look_at(instance, check))
        with self._state.changed:
            known.busy = False
            self._found(instance, check, known, cause)
            self._state.changed.notify_all()

    def _found(self, instance: Instance, check: Json, known: CheckState, cause: str | None) -> None:
        known.due_at = time.monotonic() + check["intervalSeconds"]
        if known.forced is not None:
            cause = None if known.forced else "the operator says so"
        if known not in instance.checks or instance.killed:
            return
        if cause is None:
            self._passed(instance, known)
        else:
            self._failed(instance, check, known, cause)
        self._state.touch(instance.app_id)

    def _passed(self, instance: Instance, known: CheckState) -> None:
        known.last_success = stamp(time.time())
        known.first_success = known.first_success or known.last_success
        known.consecutive_failures = 0
        self._flip(instance, known, alive=True)

    def _failed(self, instance: Instance, check: Json, known: CheckState, cause: str) -> None:
        """A failure before the first success counts only after the grace period."""
        young = time.monotonic() - instance.running_since < check["gracePeriodSeconds"]
        if young and known.first_success is None and known.forced is None:
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
