"""The picture of the cluster, put together from answers that may come in any order. Pure.

Every question gets a ticket when it is asked. An answer replaces what is known of an app only if that
stems from an earlier question, so the picture never moves backwards.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.marathon.model import Cluster

if TYPE_CHECKING:
    from appliance.marathon.model import App, Unreadable


@dataclass(frozen=True)
class Change:
    """Ids of apps that an answer changed."""

    apps: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.apps)


class Picture:
    """Used by one thread; `cluster()` is a snapshot. Apps that did not change stay the same object."""

    def __init__(self, cluster: Cluster = Cluster()) -> None:  # noqa: B008 - it is frozen
        self._ids = [app.id for app in cluster.apps]
        self._apps = list(cluster.apps)
        self._unreadable: dict[str, tuple[Unreadable, ...]] = {}
        self._tickets: dict[str, int] = {}
        self._all_ticket = self._ticket = 0
        self._snapshot: Cluster | None = cluster
        self._note(cluster)

    def __len__(self) -> int:
        return len(self._ids)

    def cluster(self) -> Cluster:
        if self._snapshot is None:
            unreadable = (one for app_id in sorted(self._unreadable) for one in self._unreadable[app_id])
            self._snapshot = Cluster(tuple(self._apps), tuple(unreadable))
        return self._snapshot

    def app(self, app_id: str) -> App | None:
        place = bisect_left(self._ids, app_id)
        return self._apps[place] if place < len(self._ids) and self._ids[place] == app_id else None

    def ticket(self) -> int:
        """For a question about to be asked."""
        self._ticket += 1
        return self._ticket

    def put_app(self, ticket: int, app_id: str, answer: Cluster) -> Change:
        """`answer` holds that app, or none if it is gone."""
        if ticket <= max(self._tickets.get(app_id, 0), self._all_ticket):
            return Change()
        self._tickets[app_id] = ticket
        noted = self._unreadable.get(app_id, ())
        if answer.unreadable:
            self._unreadable[app_id] = answer.unreadable
        else:
            self._unreadable.pop(app_id, None)
        changed = self._set(app_id, answer.apps[0] if answer.apps else None)
        return self._changed({app_id} if changed or noted != answer.unreadable else set())

    def put_all(self, ticket: int, answer: Cluster) -> Change:
        """Everything there is. Apps that were asked about later than this stay as they are."""
        if ticket <= self._all_ticket:
            return Change()
        self._all_ticket = ticket
        self._tickets = {app_id: seen for app_id, seen in self._tickets.items() if seen > ticket}
        newer = {app_id: app for app_id in self._tickets if (app := self.app(app_id))}
        found = {app.id: app for app in answer.apps if app.id not in self._tickets}
        known = dict(zip(self._ids, self._apps))
        apps = {app_id: _kept(known.get(app_id), app) for app_id, app in {**found, **newer}.items()}
        self._ids = sorted(apps)
        self._apps = [apps[app_id] for app_id in self._ids]
        noted = self._unreadable
        self._unreadable = {app_id: noted[app_id] for app_id in self._tickets if app_id in noted}
        self._note(answer)
        changed = {app_id for app_id in {*known, *apps} if known.get(app_id) is not apps.get(app_id)}
        changed |= {key for key in {*noted, *self._unreadable} if noted.get(key) != self._unreadable.get(key)}
        return self._changed(changed)

    def _changed(self, app_ids: set[str]) -> Change:
        if app_ids:
            self._snapshot = None
        return Change(tuple(sorted(app_ids)))

    def _note(self, answer: Cluster) -> None:
        for one in answer.unreadable:
            if one.app_id not in self._tickets:
                self._unreadable[one.app_id] = (*self._unreadable.get(one.app_id, ()), one)

    def _set(self, app_id: str, app: App | None) -> bool:
        place = bisect_left(self._ids, app_id)
        known = self.app(app_id)
        if app is None:
            if known is not None:
                del self._ids[place], self._apps[place]
            return known is not None
        if known is None:
            self._ids.insert(place, app_id)
            self._apps.insert(place, app)
            return True
        self._apps[place] = _kept(known, app)
        return self._apps[place] is not known


def _kept(known: App | None, app: App) -> App:
    """`app`, with the health that was known where it says none; `known` itself if nothing changed.

    Health lives in the leader's memory: after an election a task without a result is as healthy as it was.
    """
    if known is None:
        return app
    health = {task.id: task.alive for task in known.tasks if task.alive}
    if app.health_checks and health and any(not task.alive and task.id in health for task in app.tasks):
        tasks = (
            task if task.alive else dataclasses.replace(task, alive=health.get(task.id, ()))
            for task in app.tasks
        )
        app = dataclasses.replace(app, tasks=tuple(tasks))
    return known if app == known else app
