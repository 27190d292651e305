"""The thread that turns deployments into running tasks, and keeps them running."""

from __future__ import annotations

import time
from threading import Thread
from typing import TYPE_CHECKING

from appliance.lab.marathon import events
from appliance.lab.marathon.agents import Agents
from appliance.lab.marathon.checking import Checking
from appliance.lab.marathon.deploying import Deploying
from appliance.lab.marathon.lifecycle import Lifecycle
from appliance.lab.marathon.model import KILLING, SCHEDULED

if TYPE_CHECKING:
    import signal

    from appliance.lab.marathon.bus import Bus
    from appliance.lab.marathon.launcher import Launcher
    from appliance.lab.marathon.model import Instance
    from appliance.lab.marathon.state import State

GRACE_S = 3.0
"""From SIGTERM to SIGKILL, where the app says nothing."""
NO_AGENT_RETRY_S = 1.0


class Scheduler:
    def __init__(self, state: State, bus: Bus, launcher: Launcher) -> None:
        self._state = state
        self._bus = bus
        self._lifecycle = Lifecycle(state, bus, launcher)
        self.agents = Agents(state, bus, self._lifecycle, self.kill)
        self.checking = Checking(state, bus, self.kill)
        self._deploying = Deploying(state, bus, self._doom)
        self._stopping = False
        # One thread starts all tasks and outlives them: their parent-death signal is tied to it.
        self._thread = Thread(target=self._run, name="scheduler", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End every task and the thread."""
        with self._state.changed:
            self._stopping = True
            self._state.changed.notify_all()
        self._thread.join()
        self.checking.stop()

    def kill(self, instance: Instance, *, scale: bool = False) -> None:
        """End the instance's task; it is relaunched at once unless `scale`."""
        instance.doomed = instance.doomed or scale
        instance.not_before = 0.0
        if not instance.has_task or instance.killed:
            return
        if instance.unreachable_since is not None:
            self.agents.expunge(instance)
            return
        instance.killed = True
        if self._state.task_killing:
            self._bus.publish(events.status_update(instance, "TASK_KILLING"))
            self._lifecycle.change(instance, KILLING)
        if instance.process is None:
            self._lifecycle.ended(instance, 0)
            return
        grace = float(instance.definition.document.get("taskKillGracePeriodSeconds", GRACE_S))
        instance.kill_at = time.monotonic() + grace
        instance.process.terminate()
        self._state.changed.notify_all()

    def crash(self, instance: Instance, number: signal.Signals) -> None:
        """Send a signal that Marathon knows nothing of: a death by it is the task's own."""
        if instance.process is not None:
            instance.process.send_signal(number)
        elif instance.has_task:
            self._lifecycle.ended(instance, -number)

    def move(self, instance: Instance) -> None:
        """Kill it; one that is no process is running elsewhere when this returns."""
        self.kill(instance)
        if instance.pretend and instance.condition == SCHEDULED and self._lifecycle.launch(instance):
            self.look()

    def look(self) -> None:
        """Start the health checks that are due, without waiting for the thread."""
        self.checking.start_due(time.monotonic())

    def _run(self) -> None:
        with self._state.changed:
            while not self._stopping:
                seen = self._state.changes
                again = self._work()
                # What was done just now may make more possible, and nobody else will say so.
                if self._state.changes == seen:
                    self._state.changed.wait(max(0.0, again - time.monotonic()))
        self._lifecycle.end_all()

    def _work(self) -> float:
        """Do what is due; returns when to look again."""
        now = time.monotonic()
        if not self._state.led:
            return self._escalate(now)
        self._deploying.advance()
        return min(
            self._launch_due(now), self._escalate(now), self.checking.start_due(now), self.agents.advance(now)
        )

    def _doom(self, instance: Instance) -> None:
        """A deployment has no use for this instance any more."""
        self._bus.publish(events.instance_changed(instance, instance.condition))
        if not instance.has_task:
            self._state.drop(instance)
        self.kill(instance, scale=True)

    def _launch_due(self, now: float) -> float:
        """Launch what may start now; returns when to look again."""
        again = now + 3600
        for instance in self._state.instances.watched:
            if instance.condition != SCHEDULED:
                continue
            if instance.not_before > now:
                again = min(again, instance.not_before)
            elif not self._lifecycle.launch(instance):
                again = min(again, now + NO_AGENT_RETRY_S)
        return again

    def _escalate(self, now: float) -> float:
        """SIGKILL for what outlived its grace period; returns when to look again."""
        again = now + 3600
        for instance in self._state.instances.watched:
            if instance.process and instance.kill_at is not None:
                if instance.kill_at <= now:
                    instance.process.kill()
                    instance.kill_at = None
                else:
                    again = min(again, instance.kill_at)
        return again
