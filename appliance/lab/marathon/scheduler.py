"""The thread that turns deployments into running tasks, and keeps them running."""

from __future__ import annotations

import time
from contextlib import suppress
from random import SystemRandom
from threading import Thread
from typing import TYPE_CHECKING

from appliance.lab.marathon import events
from appliance.lab.marathon.checking import Checking
from appliance.lab.marathon.deploying import Deploying
from appliance.lab.marathon.launcher import argv
from appliance.lab.marathon.model import PROVISIONED, RUNNING, SCHEDULED, STARTING, CheckState, stamp
from appliance.lab.marathon.placement import place

if TYPE_CHECKING:
    import signal

    from appliance.commands import Process
    from appliance.lab.marathon.bus import Bus
    from appliance.lab.marathon.launcher import Launcher
    from appliance.lab.marathon.model import Instance
    from appliance.lab.marathon.state import State

GRACE_S = 3.0
"""From SIGTERM to SIGKILL, where the app says nothing."""
NO_AGENT_RETRY_S = 1.0
STEADY_S = 60.0
"""A task that ran this long makes earlier failures forgotten."""


class Scheduler:
    def __init__(self, state: State, bus: Bus, launcher: Launcher) -> None:
        self._state = state
        self._bus = bus
        self._launcher = launcher
        self._checking = Checking(state, bus, self.kill)
        self._deploying = Deploying(state, bus, self._doom)
        self._chance = SystemRandom()
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
        self._checking.stop()

    def kill(self, instance: Instance, *, scale: bool = False) -> None:
        """End the instance's task; it is relaunched at once unless `scale`."""
        instance.doomed = instance.doomed or scale
        instance.not_before = 0.0
        if instance.process is None or instance.killed:
            return
        instance.killed = True
        grace = float(instance.definition.document.get("taskKillGracePeriodSeconds", GRACE_S))
        instance.kill_at = time.monotonic() + grace
        instance.process.terminate()
        self._state.changed.notify_all()

    def crash(self, instance: Instance, number: signal.Signals) -> None:
        """Send a signal that Marathon knows nothing of: a death by it is the task's own."""
        if instance.process is not None:
            instance.process.send_signal(number)

    def _run(self) -> None:
        with self._state.changed:
            while not self._stopping:
                now = time.monotonic()
                self._deploying.advance()
                due = [self._launch_due(now), self._escalate(now), self._checking.start_due(now)]
                self._state.changed.wait(max(0.0, min(due) - time.monotonic()))
            tasks = [each.process for each in self._state.instances if each.process]
        _end(tasks)

    def _doom(self, instance: Instance) -> None:
        """A deployment has no use for this instance any more."""
        self._bus.publish(events.instance_changed(instance, instance.condition))
        if instance.process is None:
            self._state.instances.remove(instance)
        self.kill(instance, scale=True)

    def _launch_due(self, now: float) -> float:
        """Launch what may start now; returns when to look again."""
        again = now + 3600
        for instance in [each for each in self._state.instances if each.condition == SCHEDULED]:
            if instance.not_before > now:
                again = min(again, instance.not_before)
            elif not self._launch(instance):
                again = min(again, now + NO_AGENT_RETRY_S)
        return again

    def _launch(self, instance: Instance) -> bool:
        others = [each for each in self._state.instances if each.process]
        avoid = instance.ports
        found = place(instance.definition, self._state.agents, others, avoid=avoid, chance=self._chance)
        if found is None:
            return False
        instance.agent, instance.ports, instance.listens = found.agent, found.ports, found.listens
        instance.staged_at, instance.started_at = stamp(time.time()), None
        self._change(instance, PROVISIONED)
        process = self._launcher.launch(found.agent, argv(instance, found.agent.address))
        instance.process, instance.killed = process, False
        if instance.definition.docker:
            self._bus.publish(events.status_update(instance, "TASK_STAGING"))
        self._bus.publish(events.status_update(instance, "TASK_STARTING"))
        self._change(instance, STARTING)
        Thread(target=self._watch, args=(instance, process), name=instance.task_id, daemon=True).start()
        return True

    def _watch(self, instance: Instance, process: Process[bytes]) -> None:
        """The task's first line says it serves; the end of its output, that it is dead."""
        stdout = process.stdout
        if stdout is None:
            raise ValueError("a launcher has to give stdout as a pipe")
        with stdout:
            if stdout.readline():
                with self._state.changed:
                    self._running(instance)
            while stdout.read(4096):
                pass
        code = process.wait()
        with self._state.changed:
            self._ended(instance, code)

    def _running(self, instance: Instance) -> None:
        instance.started_at, instance.running_since = stamp(time.time()), time.monotonic()
        instance.checks = [CheckState(due_at=instance.running_since) for _ in instance.definition.checks]
        instance.announced_health = None
        instance.condition = RUNNING
        self._bus.publish(events.status_update(instance, "TASK_RUNNING"))
        self._change(instance, RUNNING)

    def _ended(self, instance: Instance, code: int) -> None:
        if instance.killed:
            condition, message = (
                "Killed",
                "Container was killed" if instance.definition.docker else "Command terminated",
            )
        elif code == 0:
            condition, message = "Finished", "Container exited with status 0"
        else:
            what = "Container" if instance.definition.docker else "Command"
            condition, message = "Failed", f"{what} exited with status {code if code > 0 else 128 - code}"
        instance.condition = condition
        self._bus.publish(events.status_update(instance, instance.state, message))
        instance.process, instance.kill_at, instance.checks = None, None, []
        self._change(instance, condition)
        if not instance.killed:
            self._failed(instance, message)
        self._reschedule(instance)

    def _failed(self, instance: Instance, message: str) -> None:
        app_id, document = instance.app_id, instance.definition.document
        now = time.monotonic()
        ran_well = instance.running_since and now - instance.running_since > STEADY_S
        before = 0 if ran_well else self._state.failures_in_a_row.get(app_id, 0)
        if app_id not in self._state.apps:
            return
        self._state.failures_in_a_row[app_id] = before + 1
        delay = document["backoffSeconds"] * document["backoffFactor"] ** before
        instance.not_before = now + min(delay, document["maxLaunchDelaySeconds"])
        self._state.last_failures[app_id] = {
            "appId": app_id,
            "host": instance.agent.address if instance.agent else "",
            "message": message,
            "state": instance.state,
            "taskId": instance.task_id,
            "timestamp": stamp(time.time()),
            "version": instance.definition.version,
        }

    def _reschedule(self, instance: Instance) -> None:
        """The next incarnation of its task, unless it is not wanted or its definition is outdated."""
        app = self._state.apps.get(instance.app_id)
        outdated = app is None or instance.definition.version < app.config_version
        if instance.doomed or outdated:
            self._state.instances.remove(instance)
            self._state.changed.notify_all()
            return
        instance.incarnation += 1
        instance.agent, instance.running_since = None, 0.0
        self._change(instance, SCHEDULED)

    def _change(self, instance: Instance, condition: str) -> None:
        instance.condition = condition
        self._bus.publish(events.instance_changed(instance, condition))
        self._state.changed.notify_all()

    def _escalate(self, now: float) -> float:
        """SIGKILL for what outlived its grace period; returns when to look again."""
        again = now + 3600
        for instance in self._state.instances:
            if instance.process and instance.kill_at is not None:
                if instance.kill_at <= now:
                    instance.process.kill()
                    instance.kill_at = None
                else:
                    again = min(again, instance.kill_at)
        return again


def _end(tasks: list[Process[bytes]]) -> None:
    for task in tasks:
        task.terminate()
    deadline = time.monotonic() + 1.0
    for task in tasks:
        while task.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        task.kill()
        with suppress(ChildProcessError):
            task.wait()
