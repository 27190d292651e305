"""Puts together what nodes and HAProxy say, again and again, and wakes those who wait for news."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Callable

from appliance.status import cluster
from appliance.status.page.alarms import Alarms
from appliance.status.page.cards import card
from appliance.status.page.interest import Interest
from appliance.status.page.peers import Peers
from appliance.status.page.picture import Picture
from appliance.status.page.served import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from appliance.paths import Paths
    from appliance.settings import Settings
    from appliance.status.page.peers import Get

WATCHED_S, IDLE_S = 0.1, 2.0
PATIENCE_S = 0.25
"""How long the first look waits for the newest; a node may be silent for longer."""
EVENTS_KEPT = 200
LONGEST_MESSAGE = 600


class Live:
    """`picture` is the newest. Threads from `start` to `stop`, or to the end of the program."""

    def __init__(self, paths: Paths, settings: Callable[[], Settings], get: Get = cluster.get) -> None:
        self.picture = Picture()
        self._settings = settings
        self._interest = Interest()
        self._peers = Peers(self._interest, get)
        self._reader = Reader(paths, self._interest)
        self._alarms = Alarms()
        self._news = threading.Condition()
        self._as_of = 0.0

    def start(self) -> None:
        self._compose()
        self._reader.start()
        threading.Thread(target=self._compose_forever, name="page", daemon=True).start()

    def stop(self) -> None:
        self._interest.stop()

    def look(self) -> Picture:
        """The newest; who looks first waits a moment for the nodes to be asked."""
        began = time.monotonic()
        if self._interest.show():
            with self._news:
                self._news.wait_for(lambda: self._as_of >= began, timeout=PATIENCE_S)
        return self.picture

    def after(self, version: int, timeout_s: float) -> Picture:
        """As soon as it is another one than `version`, or when the time is over."""
        self._interest.show()
        with self._news:
            self._news.wait_for(lambda: self.picture.version != version, timeout=timeout_s)
            return self.picture

    def _compose_forever(self) -> None:
        while self._interest.pause(WATCHED_S, IDLE_S):
            self._compose()

    def _compose(self) -> None:
        settings, now = self._settings(), time.monotonic()
        nodes = settings.cluster.nodes
        self._peers.follow(settings)
        view = cluster.view_of(settings, self._peers.rows(nodes, now))
        self._alarms.look(view.alarms, time.time())
        own = ({**event, "node": settings.cluster.node.name} for event in self._alarms.happened)
        fresh = Picture(
            vip=view.vip,
            why=(view.why, *view.more),
            owners=tuple(row.name for row in view.owners),
            alarms=view.alarms,
            cards=tuple(map(card, view.rows)),
            happened=newest_first([*self._peers.events(nodes), *own]),
            served=self._reader.served,
        )
        with self._news:
            is_news = fresh != self.picture
            version = self.picture.version + is_news
            self.picture = replace(fresh, version=version, at=time.time())
            self._as_of = self._peers.as_of(nodes, now)
            self._news.notify_all()


def newest_first(events: Iterable[Mapping[str, object]]) -> tuple[Mapping[str, object], ...]:
    """Each message of a length that a page can bear."""
    kept = sorted(events, key=lambda event: float(str(event["at"])), reverse=True)[:EVENTS_KEPT]
    return tuple({**event, "message": str(event["message"])[:LONGEST_MESSAGE]} for event in kept)
