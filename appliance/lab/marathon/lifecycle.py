"""One task from its launch to its end, and the events on the way. Called under the state's lock."""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from random import SystemRandom
from threading import Thread
from typing import TYPE_CHECKING

from appliance.lab.marathon import events
from appliance.lab.marathon.launcher import argv
from appliance.lab.marathon.model import PROVISIONED, RUNNING, SCHEDULED, STARTING, CheckState, stamp
from appliance.lab.marathon.placement import place, pretended

if TYPE_CHECKING:
    from appliance.commands import Process
    from appliance.lab.marathon.bus import Bus
    from appliance.lab.marathon.launcher import Launcher
    from appliance.lab.marathon.model import Instance
    from appliance.lab.marathon.placement import Place
    from appliance.lab.marathon.state import State

STEADY_S = 60.0
"""A task that ran this long makes earlier failures forgotten."""


class Lifecycle:
    def __init__(self, state: State, bus: Bus, launcher: Launcher) -> None:
        self._state = state
        self._bus = bus
        self._launcher = launcher
        self._chance = SystemRandom()
        self._processes: set[Process[bytes]] = set()

    def launch(self, instance: Instance) -> bool:
        """Start its task; False when no agent fits now. The calling thread has to live on."""
        found = self._place(instance)
        if found is None:
            return False
        instance.agent, instance.ports, instance.listens = found.agent, found.ports, found.listens
        instance.staged_at, instance.started_at = stamp(time.time()), None
        instance.killed = False
        self.change(instance, PROVISIONED)
        if not instance.pretend:
            instance.process = self._launcher.launch(found.agent, argv(instance, found.agent))
            self._processes.add(instance.process)
        if instance.definition.docker:
            self._bus.publish(events.status_update(instance, "TASK_STAGING"))
        self._bus.publish(events.status_update(instance, "TASK_STARTING"))
        self.change(instance, STARTING)
        if instance.process:
            watch = Thread(target=self._watch, args=(instance, instance.process), daemon=True)
            watch.name = instance.task_id
            watch.start()
        else:
            self._running(instance)
        return True

    def _place(self, instance: Instance) -> Place | None:
        state = self._state
        if instance.app_id in state.scaled:
            return pretended(instance.definition, state.next_pretended())
        real = [app_id for app_id in state.instances.apps if app_id not in state.scaled]
        others = [each for app_id in real for each in state.of_app(app_id) if each.has_task]
        agents = state.available_agents()
        return place(instance.definition, agents, others, avoid=instance.ports, chance=self._chance)

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
            self._processes.discard(process)
            self.ended(instance, code)

    def _running(self, instance: Instance) -> None:
        instance.started_at, instance.running_since = stamp(time.time()), time.monotonic()
        instance.checks = [CheckState(due_at=instance.running_since) for _ in instance.definition.checks]
        instance.announced_health = None
        if instance.unreachable_since is not None:
            return
        instance.condition = RUNNING
        self._bus.publish(events.status_update(instance, "TASK_RUNNING"))
        self.change(instance, RUNNING)

    def ended(self, instance: Instance, code: int) -> None:
        """Its task is dead. Of one on a lost agent, Marathon learns when the agent is back."""
        instance.process = None
        if instance.unreachable_since is not None or instance not in self._state.instances:
            return
        what = "Container" if instance.definition.docker else "Command"
        if instance.killed:
            condition, message = "Killed", f"{what} {'was killed' if what == 'Container' else 'terminated'}"
        elif code == 0:
            condition, message = "Finished", "Container exited with status 0"
        else:
            condition, message = "Failed", f"{what} exited with status {code if code > 0 else 128 - code}"
        instance.condition = condition
        self._bus.publish(events.status_update(instance, instance.state, message))
        instance.kill_at, instance.checks = None, []
        self.change(instance, condition)
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
            self._state.drop(instance)
            self._state.changed.notify_all()
            return
        if instance.short_ids:
            instance.uuid = str(uuid.uuid1())
        else:
            instance.incarnation += 1
        instance.agent, instance.running_since = None, 0.0
        self._state.instances.watch(instance)
        self.change(instance, SCHEDULED)

    def change(self, instance: Instance, condition: str) -> None:
        """Set and announce its condition."""
        instance.condition = condition
        self._state.touch(instance.app_id)
        self._bus.publish(events.instance_changed(instance, condition))
        self._state.changed.notify_all()

    def end_all(self) -> None:
        """End every process, orderly if it ends within a second."""
        tasks = list(self._processes)
        for task in tasks:
            task.terminate()
        deadline = time.monotonic() + 1.0
        for task in tasks:
            while task.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
            task.kill()
            with suppress(ChildProcessError):
                task.wait()
