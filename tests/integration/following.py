"""The Feed and its Watch as appliance-lb wires them, with short pauses."""

from __future__ import annotations

import threading
import time

from appliance.marathon.access import Access
from appliance.marathon.client import Client
from appliance.marathon.feed import Feed
from appliance.marathon.watch import Watch


class Following:
    """A Feed with its Watch; `ports()` is what the picture says of each app."""

    def __init__(self, *urls, login=None, patience_s=10.0, silence_s=30.0, **how):
        """`patience_s`: with a request; `silence_s`: of a stream. `how`: the Feed's."""
        access = Access(urls, login)
        self.changed = threading.Condition()
        self.client = Client(access, read_timeout_s=patience_s, answer_timeout_s=3 * patience_s)
        self.feed = Feed(self.client, on_change=self._notify, longest_pause_s=0.1, **how)
        self.watch = Watch(
            access,
            on_event=self.feed.hear,
            on_attached=self.feed.attached,
            on_lost=self.feed.lost,
            silence_s=silence_s,
            max_backoff_s=0.05,
            draw=lambda: 0.0,
        )
        self.feed.start()
        self.watch.start()

    def _notify(self):
        with self.changed:
            self.changed.notify_all()

    def ports(self):
        cluster = self.feed.cluster()
        if cluster is None:
            return None
        return {app.id: [task.endpoints[0].port for task in app.tasks] for app in cluster.apps}

    def until(self, true, within_s=30.0):
        """Wait for `true()`, woken by changes; facts that change silently are looked at again, too."""
        deadline = time.monotonic() + within_s
        with self.changed:
            while not true():
                assert time.monotonic() < deadline, (self.ports(), self.feed.facts(), self.feed.alarms)
                self.changed.wait(0.02)

    def until_ports(self, **expected):
        self.until(lambda: self.ports() == {f"/{name}": ports for name, ports in expected.items()})

    def alarms(self):
        return [alarm.id for alarm in self.feed.alarms]

    def settled(self, marathon):
        """Its stream is open and what that asks for has been read."""
        self.until(lambda: marathon.streams and self.feed.counts["events"] >= 1)
        self.until(lambda: self.feed.counts["full_reads"] >= 1 and self.at_rest())
        return self

    def at_rest(self):
        """It reads nothing, and knows of nothing to read before its timer."""
        with self.feed._changed:
            agenda = self.feed._agenda
            return not self.feed.reading and agenda.next_at() == agenda.timer

    def close(self):
        self.watch.stop()
        self.feed.stop()
        for thread in (self.watch._thread, self.feed._thread):
            thread.join(30)
