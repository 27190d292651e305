"""All instances, found by app at once; and the few that the scheduler has to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.lab.marathon.model import Instance


class Instances:
    """A task that is a process is watched all its life, one that is none only until it is at rest."""

    def __init__(self) -> None:
        self._by_app: dict[str, list[Instance]] = {}
        self._watched: dict[Instance, None] = {}

    def __iter__(self) -> Iterator[Instance]:
        for each in list(self._by_app.values()):
            yield from list(each)

    def __contains__(self, instance: Instance) -> bool:
        return instance in self._by_app.get(instance.app_id, ())

    @property
    def apps(self) -> list[str]:
        """Ids of the apps that have any."""
        return list(self._by_app)

    def of_app(self, app_id: str) -> list[Instance]:
        return list(self._by_app.get(app_id, ()))

    def add(self, instance: Instance, *, watched: bool = True) -> None:
        self._by_app.setdefault(instance.app_id, []).append(instance)
        if watched:
            self.watch(instance)

    def remove(self, instance: Instance) -> None:
        known = self._by_app[instance.app_id]
        known.remove(instance)
        if not known:
            del self._by_app[instance.app_id]
        self.rest(instance)

    def watch(self, instance: Instance) -> None:
        self._watched[instance] = None

    def rest(self, instance: Instance) -> None:
        """The scheduler has nothing to do for it until it is watched again."""
        self._watched.pop(instance, None)

    @property
    def watched(self) -> list[Instance]:
        return list(self._watched)
