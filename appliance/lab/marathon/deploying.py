"""Deployments, step by step: what the numbers of `rolling` say, done to the instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.lab.marathon import events, rolling
from appliance.lab.marathon.model import INACTIVE, RESTART, SCHEDULED, START, STOP

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.lab.marathon.bus import Bus
    from appliance.lab.marathon.model import Definition, Deployment, Instance
    from appliance.lab.marathon.state import State


class Deploying:
    """`doom` ends an instance that is not to come back."""

    def __init__(self, state: State, bus: Bus, doom: Callable[[Instance], None]) -> None:
        self._state = state
        self._bus = bus
        self._doom = doom

    def advance(self) -> None:
        """Take every deployment as far as it gets now."""
        for deployment in list(self._state.deployments):
            while deployment in self._state.deployments and self._advance(deployment):
                pass

    def _advance(self, deployment: Deployment) -> bool:
        """One pass over the current step; True when it is done and the next one can be looked at."""
        if deployment.current >= 0:
            if not self._step(deployment):
                return False
            self._bus.publish(events.deployment_step_success(deployment))
        deployment.current += 1
        if deployment.current == len(deployment.steps):
            self._state.deployments.remove(deployment)
            self._bus.publish(events.deployment_success(deployment))
            return False
        self._bus.publish(events.deployment_info(deployment))
        self._begin(deployment)
        return True

    def _begin(self, deployment: Deployment) -> None:
        kind = deployment.steps[deployment.current].kind
        if kind in (START, RESTART) and deployment.after:
            for check in deployment.after.checks:
                self._bus.publish(events.check_added(deployment.after, check))
        if kind == RESTART and deployment.after:
            deployment.old_at_start = len(self._split(deployment.after)[0])
        if kind == STOP and deployment.before:
            for _ in deployment.before.checks:
                self._bus.publish(events.check_removed(deployment.app_id))
            for instance in self._state.of_app(deployment.app_id):
                self._doom(instance)

    def _step(self, deployment: Deployment) -> bool:
        kind, after = deployment.steps[deployment.current].kind, deployment.after
        if kind == START:
            return True
        if kind == STOP or after is None:
            return self._stopped(deployment.app_id)
        moves = self._restart(deployment, after) if kind == RESTART else self._scale(after)
        return moves.done

    def _stopped(self, app_id: str) -> bool:
        if self._state.of_app(app_id):
            return False
        self._bus.publish(events.app_terminated(app_id))
        return True

    def _scale(self, after: Definition) -> rolling.Moves:
        instances = self._present(after.id)
        staying = [each for each in instances if not each.doomed]
        moves = rolling.scale(
            after.instances, len(staying), sum(each.ready for each in staying), len(instances) - len(staying)
        )
        self._apply(moves, after, staying)
        return moves

    def _restart(self, deployment: Deployment, after: Definition) -> rolling.Moves:
        old, new = self._split(after)
        old_staying = [each for each in old if not each.doomed]
        seen = rolling.Restart(
            target=after.instances,
            old_at_start=deployment.old_at_start,
            old_staying=len(old_staying),
            old_alive=len(old),
            new=len(new),
            new_ready=sum(each.ready for each in new),
        )
        resident = "residency" in after.document
        moves = rolling.restart(seen, after.document["upgradeStrategy"], resident=resident)
        self._apply(moves, after, old_staying)
        return moves

    def _split(self, after: Definition) -> tuple[list[Instance], list[Instance]]:
        """(instances of older configurations, wanted instances of this one)."""
        instances = self._present(after.id)
        old = [each for each in instances if each.definition.version < after.config_version]
        return old, [each for each in instances if each not in old and not each.doomed]

    def _present(self, app_id: str) -> list[Instance]:
        """Its instances without those that were replaced because their agent is lost."""
        return [each for each in self._state.of_app(app_id) if each.condition != INACTIVE]

    def _apply(self, moves: rolling.Moves, after: Definition, candidates: list[Instance]) -> None:
        for instance in rolling.victims(candidates, moves.end, after.document["killSelection"]):
            self._doom(instance)
        for _ in range(moves.start):
            instance = self._state.instance(after)
            self._state.add(instance)
            self._bus.publish(events.instance_changed(instance, SCHEDULED))
