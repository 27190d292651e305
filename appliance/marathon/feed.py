"""Keeps the picture of the cluster: events say what to read, the client reads, the guard believes or not.

One thread reads. Others take snapshots; `on_change` tells them when there is a new one.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable

from appliance.errors import MarathonError
from appliance.marathon import guard
from appliance.marathon.agenda import SHOWN, Agenda, listed
from appliance.marathon.client import REQUEST_S, StrangerError
from appliance.marathon.events import GROUP_CHANGE
from appliance.marathon.picture import Picture
from appliance.marathon.store import Saved
from appliance.marathon.watch import delays

if TYPE_CHECKING:
    from collections.abc import Collection

    from appliance.marathon.client import Client
    from appliance.marathon.events import Event
    from appliance.marathon.model import Cluster, Endpoint
    from appliance.marathon.store import Store

log = logging.getLogger(__name__)
PERIOD_S = 60.0
LONGEST_PAUSE_S = 30.0
STALE_S = PERIOD_S + REQUEST_S
"""No change stays unseen for longer, whatever is lost: everything is read once in PERIOD_S, and one request
of that may drip to its deadline before another master answers. docs/marathon.md says what it rests on."""
ATTACH_GRACE_S = 0.5
"""For the event that follows on the head of a stream, where the version sends it."""
SAVE_AGAIN_S = 300.0
"""What is on disk says to this exactness when Marathon last ran it."""
ADOPTED_SHOWN_S = 3600.0
"""That the cluster became another one is shown so long."""


@dataclass(frozen=True)
class Alarm:
    """Something that a person should look at."""

    id: str
    text: str
    since: float
    """Unix seconds."""


class Feed:
    """`start`, then let a Watch call `hear`, `attached` and `lost`. Without one it reads on its timer."""

    def __init__(
        self,
        client: Client,
        *,
        on_change: Callable[[], None],
        down: Callable[[Collection[Endpoint]], bool] = lambda _: False,
        store: Store | None = None,
        period_s: float = PERIOD_S,
        hold_s: float = guard.HOLD_S,
        again_s: float = guard.AGAIN_S,
        longest_pause_s: float = LONGEST_PAUSE_S,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """`down`: whether HAProxy's own checks find all of these places down, as far as it checks them."""
        self._client = client
        self._on_change = on_change
        self._down = down
        self._store = store
        self._hold_s = hold_s
        self._again_s = again_s
        self._draw, self._longest_pause_s = draw, longest_pause_s
        self._pauses = delays(draw, longest_pause_s)
        self._agenda = Agenda(period_s, draw=draw)
        self._picture = Picture()
        self._fresh = False
        self._held: guard.Held | None = None
        self._strange_since = 0.0
        self._leader = ""
        self._alarms: dict[str, Alarm] = {}
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="marathon-feed", daemon=True)
        self.source = "none"
        """Where the picture is from: none, disk, marathon."""
        self.picture_at = self._saved_at = 0.0
        self.error = self.lost_because = ""
        self.because = ""
        """What was heard that led to the last snapshot: an event and its apps, or why all was read."""
        self._heard: list[str] = []
        self._lost_at = self._failed_at = 0.0
        self.reading = False
        """Whether it waits for an answer now."""
        self.connected_since = self.last_event_at = self.lag_s = 0.0
        self.counts = dict.fromkeys(
            ("attached", "lost", "events", "unclear_events", "full_reads", "app_reads", "repaired"), 0
        )

    # --- what others ask
    def cluster(self) -> Cluster | None:
        """What Marathon runs by its own word; None before its first answer."""
        heard, self._heard = self._heard, []
        self.because = "; ".join(dict.fromkeys(heard))
        return self._picture.cluster() if self.source == "marathon" else None

    def saved(self) -> Cluster | None:
        """What it ran by the picture on disk; None without one, and as soon as it answers itself."""
        return self._picture.cluster() if self.source == "disk" else None

    @property
    def apps(self) -> int:
        return len(self._picture)

    @property
    def alarms(self) -> list[Alarm]:
        return sorted(self._alarms.copy().values(), key=lambda alarm: alarm.id)

    @property
    def right_until(self) -> float:
        """Until when the picture was known to be right, unix seconds; 0.0: it still is."""
        if self.source == "marathon" and self.connected_since and not self.error:
            return 0.0
        wrong = [at for at in (self._lost_at, self._failed_at) if at]
        return max(self.picture_at, min(wrong)) if wrong and self.picture_at else self.picture_at

    def facts(self) -> dict[str, Any]:
        """For the report. Times are unix seconds."""
        return {
            "url": self._client.url,
            "leader": self._leader,
            "framework_id": self._client.framework_id,
            "connected": bool(self.connected_since),
            "connected_since": self.connected_since,
            "last_event_at": self.last_event_at,
            "lag_s": self.lag_s,
            "error": self.error or self.lost_because,
            "because": self.because,
            **self.counts,
        }

    # --- what happens
    def start(self) -> None:
        """Begin with what is on disk, if anything, and read."""
        saved = self._store.load() if self._store else None
        if saved is not None:
            self._picture = Picture(saved.cluster)
            self._client.framework_id = saved.framework_id
            self.source, self.picture_at = "disk", saved.at
        if self._store:
            self._store.start()
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join(timeout=1)
        if self._store:
            self._store.stop()

    def read_all(self, reason: str, in_s: float = 0.0) -> None:
        with self._changed:
            self._agenda.want_all(reason, time.monotonic() + in_s)
            self._changed.notify()

    def attached(self, url: str) -> None:
        """A stream is open. Everything is read once it proves to be subscribed, or soon in any case."""
        log.info("Marathon's events come from %s", url)
        self.lost_because = ""
        self._lost_at = 0.0
        self.connected_since = time.time()
        self.counts["attached"] += 1
        self.read_all("the event stream is open", in_s=ATTACH_GRACE_S)

    def lost(self, reason: str) -> None:
        if self.connected_since:
            self.counts["lost"] += 1
            self._lost_at = time.time()
        self.connected_since = 0.0
        if reason != self.lost_because:
            log.warning("Marathon's events: %s", reason)
            self.lost_because = reason
            self._on_change()

    def hear(self, event: Event) -> None:
        now = time.time()
        self.last_event_at = now
        self.counts["events"] += 1
        if event.sent_at is not None:
            self.lag_s = round(now - event.sent_at, 3)
        if event.apps is None and event.kind != GROUP_CHANGE:
            self.counts["unclear_events"] += 1
        with self._changed:
            self._agenda.hear(event, time.monotonic())
            self._changed.notify()

    # --- the thread
    def _run(self) -> None:
        while True:
            with self._changed:
                self.reading = False
                while not self._stopped and (wait_s := self._agenda.next_at() - time.monotonic()) > 0:
                    self._changed.wait(wait_s)
                if self._stopped:
                    return
                read = self._agenda.take(time.monotonic(), len(self._picture))
                self.reading = read is not None
            if read is None:
                continue
            try:
                self._read_all(read.reason) if read.apps is None else self._read_apps(read.apps)
                self._failed("")
            except MarathonError as error:
                self._failed(str(error))
            if self._fresh and self.source == "marathon":
                self._heard = [*self._heard[-SHOWN:], read.reason]
                self._published()
            elif self.source == "marathon" and self.picture_at - self._saved_at > SAVE_AGAIN_S:
                self._save()

    def _read_apps(self, app_ids: tuple[str, ...]) -> None:
        for app_id in app_ids:
            ticket = self._picture.ticket()
            answer = self._client.app(app_id)
            if self._moved():
                return
            self.counts["app_reads"] += 1
            self._fresh |= bool(self._picture.put_app(ticket, app_id, answer))
        if self.source == "marathon":
            self.picture_at = time.time()

    def _moved(self) -> bool:
        """Whether another leader answers than before: its single answers count once it was read in full."""
        leader = self._client.leader
        if not leader or leader == self._leader:
            return False
        if self._held is None:
            self.read_all(f"{leader} leads")
        return True

    def _read_all(self, why: str) -> None:
        ticket = self._picture.ticket()
        with self._changed:
            agenda = self._agenda
            named, announced, stopped = agenda.named.copy(), agenda.announced.copy(), agenda.stopped.copy()
        try:
            answer = self._client.own_cluster(other_first=self._held is not None)
        except StrangerError as error:
            self._strange(error)
            raise
        self.counts["full_reads"] += 1
        self._forget_strangers()
        if not self._believed(answer, announced, stopped):
            with self._changed:
                self._agenda.timer = time.monotonic() + self._again_s
            return
        first = self.source != "marathon"
        self.source, self.picture_at = "marathon", time.time()
        self._leader = self._client.leader
        changed = self._picture.put_all(ticket, answer)
        with self._changed:
            silent = [app_id for app_id in changed.apps if app_id not in self._agenda.named]
            self._agenda.named -= named
            self._agenda.announced -= announced
            self._agenda.stopped -= stopped
        if why == "once in a while" and silent and not first:
            self.counts["repaired"] += len(silent)
            log.info("no event told of changes of %s: repaired", listed(silent))
        self._fresh |= bool(changed) or first

    def _believed(self, answer: Cluster, announced: set[str], stopped: set[str]) -> bool:
        found = guard.loss(self._picture.cluster(), answer, announced, stopped)
        confirmed = found.suspicious and self._held is not None and self._down(found.endpoints)
        held = guard.step(self._held, found, time.monotonic(), confirmed=bool(confirmed), hold_s=self._hold_s)
        if held is None:
            if self._held is not None:
                log.warning("Marathon's answer is believed now: %s are gone", found)
            self._alarms.pop("marathon-shrunk", None)
        elif self._held is None:
            text = (
                f"Marathon at {self._client.url} does not list {found} any more, all at once; they are kept "
                f"until HAProxy finds them down, too, or for {self._hold_s:.0f} s"
            )
            self._alarm("marathon-shrunk", text)
        self._held = held
        return held is None

    def _strange(self, error: StrangerError) -> None:
        """Masters of another cluster alone answer: held back, then it is ours."""
        now = time.monotonic()
        self._strange_since = self._strange_since or now
        self._alarm("marathon-identity", f"{error}; its apps are not served for {self._hold_s:.0f} s")
        if now - self._strange_since >= self._hold_s:
            known, self._client.framework_id = self._client.framework_id, error.framework_id
            self._strange_since = 0.0
            del self._alarms["marathon-identity"]
            self._alarm("marathon-adopted", f"framework {known} is now {error.framework_id} at every master")
            self.read_all("another cluster is ours")

    def _forget_strangers(self) -> None:
        self._strange_since = 0.0
        self._alarms.pop("marathon-identity", None)
        adopted = self._alarms.get("marathon-adopted")
        if adopted and time.time() - adopted.since > ADOPTED_SHOWN_S:
            del self._alarms["marathon-adopted"]

    def _alarm(self, identity: str, text: str) -> None:
        if identity not in self._alarms:
            log.error("%s", text)
            self._alarms[identity] = Alarm(identity, text, time.time())
            self._on_change()

    def _failed(self, message: str) -> None:
        """Whatever was asked is asked again after a pause, together with all else."""
        if not message:
            self.error, self._failed_at = "", 0.0
            self._alarms.pop("marathon-away", None)
            self._pauses = delays(self._draw, self._longest_pause_s)
            return
        self._failed_at = self._failed_at or time.time()
        if message != self.error:
            log.error("%s", message)
            self.error = message
            if self.picture_at:
                at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.picture_at))
                self._alarm(
                    "marathon-away", f"Marathon does not answer; what is served is what it ran at {at}"
                )
            self._on_change()
        with self._changed:
            self._agenda.retry(time.monotonic() + max(next(self._pauses), 0.1))

    def _published(self) -> None:
        self._fresh = False
        self._save()
        self._on_change()

    def _save(self) -> None:
        self._saved_at = self.picture_at
        if self._store:
            self._store.save(Saved(self._picture.cluster(), self.picture_at, self._client.framework_id))
