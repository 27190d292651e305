"""Agents that Mesos loses and finds again, and what becomes of their tasks meanwhile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from appliance.lab.marathon import events
from appliance.lab.marathon.errors import RefusedError
from appliance.lab.marathon.model import INACTIVE, RUNNING, SCHEDULED, UNREACHABLE

if TYPE_CHECKING:
    from appliance.lab.marathon.bus import Bus
    from appliance.lab.marathon.lifecycle import Lifecycle
    from appliance.lab.marathon.model import Instance
    from appliance.lab.marathon.state import State


class Kill(Protocol):
    def __call__(self, instance: Instance, *, scale: bool = False) -> None: ...


class Agents:
    """A lost agent's tasks go on: only nobody hears of them until it returns."""

    def __init__(self, state: State, bus: Bus, lifecycle: Lifecycle, kill: Kill) -> None:
        self._state = state
        self._bus = bus
        self._lifecycle = lifecycle
        self._kill = kill
        self._expunged: list[Instance] = []

    def lose(self, name: str) -> None:
        """Mesos cannot reach the agent. Raises the 404 of an unknown one."""
        self._known(name)
        self._state.lost_agents.add(name)
        for each in self._on(name):
            each.unreachable_since = time.monotonic()
            self._bus.publish(
                events.status_update(each, "TASK_UNREACHABLE", "Agent was removed: unreachable")
            )
            self._lifecycle.change(each, UNREACHABLE)
            self._state.instances.watch(each)

    def find(self, name: str) -> None:
        """The agent is back, with the tasks that outlived its absence. Raises the 404 of an unknown one."""
        self._known(name)
        self._state.lost_agents.discard(name)
        for each in self._on(name):
            self._reconcile(each)
        for each in [each for each in self._expunged if each.agent and each.agent.name == name]:
            self._expunged.remove(each)
            self._bus.publish(events.unknown_instance(each))
            if each.process:
                each.process.terminate()
        self._state.changed.notify_all()

    def advance(self, now: float) -> float:
        """Replace what is unreachable for long enough, forget it later; returns when to look again."""
        again = now + 3600
        for each in self._state.instances.watched:
            strategy = each.definition.document["unreachableStrategy"]
            if each.unreachable_since is None or not isinstance(strategy, dict):
                continue
            inactive_at = each.unreachable_since + strategy.get("inactiveAfterSeconds", 0)
            expunge_at = each.unreachable_since + strategy.get("expungeAfterSeconds", 0)
            if not each.replaced and inactive_at <= now:
                self._replace(each)
            if each.replaced and expunge_at <= now:
                self.expunge(each)
            else:
                again = min(again, expunge_at if each.replaced else inactive_at)
        return again

    def expunge(self, instance: Instance) -> None:
        """Forget an unreachable instance; its task ends when the agent is back."""
        self._state.drop(instance)
        self._expunged.append(instance)
        self._state.changed.notify_all()

    def _replace(self, instance: Instance) -> None:
        instance.replaced = True
        self._lifecycle.change(instance, INACTIVE)
        app = self._state.apps.get(instance.app_id)
        if app and not instance.doomed:
            successor = self._state.instance(app)
            self._state.add(successor)
            self._lifecycle.change(successor, SCHEDULED)

    def _reconcile(self, instance: Instance) -> None:
        if instance.unreachable_since is None:
            return
        instance.unreachable_since = None
        if not instance.has_task:
            self._lifecycle.ended(instance, 1)
            return
        instance.condition = RUNNING
        self._bus.publish(events.status_update(instance, "TASK_RUNNING"))
        self._lifecycle.change(instance, RUNNING)
        if instance.replaced:
            self._kill(instance, scale=True)

    def _on(self, name: str) -> list[Instance]:
        return [each for each in self._state.instances if each.agent and each.agent.name == name]

    def _known(self, name: str) -> None:
        if name not in {agent.name for agent in self._state.agents}:
            raise RefusedError(404, {"message": f"Agent '{name}' does not exist"})
