"""The generator's loop: HAProxy serves what Marathon runs, from the first answer to the last event."""

from __future__ import annotations

import gc
import logging
import math
import time
from typing import TYPE_CHECKING, Any, Callable, Protocol

from appliance import files
from appliance.errors import ApplianceError, NotRunningError, SilentError
from appliance.haproxy.plan import Generation, Postponed
from appliance.programs.generator import summary
from appliance.programs.holding import RELEASE
from appliance.programs.loop import Pace, Wake, Wakes
from appliance.status import events

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from appliance.marathon.feed import Alarm
    from appliance.marathon.model import Cluster
    from appliance.programs.generator import Applied, Generator
    from appliance.programs.holding import Holding
    from appliance.programs.operator_files import OperatorFiles

log = logging.getLogger(__name__)
LOOK_S = 1.0
LOOK_WHILE_WAITING_S = 0.1
"""For a HAProxy that does not run, or not what it should."""
SILENT = "HAPROXY-SILENT"
READ_S = 0.5
"""For Marathon's answer, before the picture is served again."""


class Source(Protocol):
    """Where applications come from: `marathon.feed.Feed`. It puts Wake.CHANGED when it has something new."""

    picture_at: float
    """When what it knows was right, unix seconds; 0.0: never."""

    @property
    def right_until(self) -> float:
        """Until when; 0.0: it still is."""

    def cluster(self) -> Cluster | None:
        """What Marathon runs; None before its first answer."""

    def saved(self) -> Cluster | None:
        """What it ran by the picture on disk, as long as it has not answered."""

    def read_all(self, reason: str) -> None: ...

    def facts(self) -> dict[str, Any]: ...

    @property
    def alarms(self) -> Sequence[Alarm]: ...


class Follower:
    """The loop. Its state is what the report says; the rest is in the generator."""

    def __init__(
        self,
        generator: Generator,
        source: Source,
        *,
        wakes: Wakes,
        notices: tuple[str, ...] = (),
        operator_files: OperatorFiles | None = None,
        report: Path | None = None,
        journal: Path | None = None,
        holding: Holding | None = None,
        retry_s: float = 10.0,
        retries: int = -1,
    ) -> None:
        self.generator = generator
        self.source = source
        self.wakes = wakes
        self.notices = notices
        self.report = files.Report(report) if report else None
        self.journal = journal
        self.operator_files = operator_files
        self.holding = holding
        self.retry_s = retry_s
        self.retries = retries
        self.pace = Pace()
        self.since = time.time()
        self.picture, self.picture_at = "none", 0.0
        self.applied = False
        self.apps = 0
        self.last_reload: dict[str, Any] = {"at": 0.0, "ok": True, "message": ""}
        self.old_workers: int | None = None
        """Still finishing their connections; None: not known."""
        self.running = True
        self.from_saved = False
        """Whether the file on disk cannot serve, so that the saved picture has to until Marathon answers."""
        self.due = self.pass_began = self.pass_ended = self.retry_at = 0.0
        self._told: set[tuple[str, str]] = set()
        self._noticed: tuple[str, ...] = ()
        self._asked = ""
        self._told_of: Applied | None = None
        self.silent, self.silent_since = "", 0.0
        """Why HAProxy does not say what it runs; '' if it does."""

    def run(self) -> None:
        """Until STOP. Whatever fails is logged, reported and tried again; HAProxy goes on meanwhile."""
        self.start()
        while self.running:
            look_s = LOOK_S if self.applied else LOOK_WHILE_WAITING_S
            due = min(self.due, self._next_departure)
            for wake in self.wakes.next(min(due - time.monotonic(), look_s)):
                self.take(wake)
            if self.running and time.monotonic() >= self.due:
                self.refresh()
            if time.monotonic() >= self._next_departure:
                self._let_go()
            self.look()

    def start(self) -> None:
        """Serve what an earlier run left, until Marathon has answered."""
        self._take_from_disk()
        self.look()

    def _take_from_disk(self) -> None:
        service = self.generator.service
        on_disk = service.on_disk()
        self.generator.wanted = Generation(on_disk, service.structure_on_disk())
        if on_disk and on_disk != self.generator.empty().hash:
            self.picture, self.picture_at = "disk", service.config.stat().st_mtime

    def take(self, wake: Wake) -> None:
        """Act on a wake-up, or note when to act on it."""
        if wake is Wake.STOP:
            self.running = False
        elif wake is Wake.RELOAD:
            self._attempt(self._confirm)
        else:
            if wake is Wake.REGENERATE:
                self.generator.refused.clear()
                self.generator.failures = 0
                self._asked = wake.value
                self.source.read_all(wake.value)
            due = self.pace.due(time.monotonic(), self.pass_began, self.pass_ended)
            self.due = min(self.due, due)

    def refresh(self) -> None:
        """One pass: bring HAProxy to serve the newest picture."""
        self.pass_began, self.due = time.monotonic(), math.inf
        if self._holds:
            self._attempt(self._hold)
            self.pass_ended = time.monotonic()
            return
        cluster, picture = self.source.cluster(), "marathon"
        if cluster is None and self.from_saved:
            cluster, picture = self.source.saved(), "disk"
        if cluster is None:
            return
        if time.monotonic() >= self.retry_at and not 0 <= self.retries < self.generator.failures:
            self.generator.failed = ("", "")
        self._attempt(lambda: self._serve(cluster, picture))
        self.pass_ended = time.monotonic()
        if self.retry_at > self.pass_ended:
            self.due = min(self.due, self.retry_at)

    def look(self) -> None:
        """Ask HAProxy what it runs, and tell it again if that is not what the file says."""
        if self.holding is not None and self.holding.changed():
            self.due = self.retry_at = time.monotonic()
        try:
            running = self.generator.rollout.running()
        except SilentError as error:
            self._heard_nothing(str(error))
            return
        self.silent = ""
        self.old_workers = self.generator.service.old_workers() if running else None
        wanted = self.generator.wanted
        self.applied = running != "" and wanted is not None and running == wanted.structure
        if running and not self.applied and time.monotonic() >= self.retry_at:
            self.retry_at = time.monotonic() + LOOK_S
            self._bring_back()
        if self.generator.ports_changed(running):
            self.due = min(self.due, time.monotonic())
        elif self.picture != "marathon" and not self.from_saved and self.generator.cannot_start(running):
            self.from_saved, self.due = True, min(self.due, time.monotonic())
        if self.applied and self.due == math.inf and not self._holds and self.generator.rollout.unsure:
            self.due = time.monotonic() + LOOK_S
        self._publish()

    def _heard_nothing(self, complaint: str) -> None:
        """It may well serve: what was known last stands, and is asked again."""
        if not self.silent:
            self.silent_since = time.time()
            log.error("%s", complaint)
        self.silent = complaint
        self._publish()

    def _bring_back(self) -> None:
        """HAProxy runs another configuration: reload ours, or make it anew if the file is another, too."""
        service, wanted = self.generator.service, self.generator.wanted
        if self._holds:
            self._attempt(self._hold)
        elif wanted is not None and service.on_disk() == wanted.hash:
            log.warning("HAProxy runs another configuration than %s: reload", service.config)
            self._attempt(self._confirm)
        elif self.picture != "marathon":
            self._take_from_disk()
        else:
            log.warning("%s was replaced by somebody: regenerate", service.config)
            self.source.read_all("the configuration was replaced")  # perhaps by who knows more: 'once'
            self.due = min(self.due, time.monotonic() + READ_S)

    def _hold(self) -> None:
        if self.holding is not None and self.holding.apply():
            self._reloaded("")
            self._record("rollback", f"generation {self.holding.number} serves and is held: {RELEASE}")

    def _serve(self, cluster: Cluster, picture: str) -> None:
        started = time.monotonic()
        try:
            outcome = self.generator.step(cluster)
            self._generation()
            if isinstance(outcome, Postponed):
                self.due = min(self.due, outcome.at)
                return
            if not self.last_reload["ok"]:
                self._reloaded("")  # what runs is what is wanted again
        except NotRunningError:
            self._keep("reload", time.monotonic() - started)
            self._seen(cluster, picture)  # the file is in place: it is what HAProxy will start with
            raise
        self._seen(cluster, picture)
        if self.holding is not None:
            self.holding.followed()

    def _keep(self, kind: str, duration_s: float) -> None:
        """What was just applied goes to the history, with what led to it."""
        heard = (self._asked, str(self.source.facts().get("because", "")))
        self._asked = ""
        if self.holding is not None:
            cause = "; ".join(filter(None, heard)) or "certificates, templates, settings or the file itself"
            self.holding.keep(kind=kind, cause=cause, duration_s=duration_s)

    def _generation(self) -> None:
        """The one place where a generation that was put into effect is kept and told of."""
        applied = self.generator.applied
        if applied is None or applied is self._told_of:
            return
        self._told_of = applied
        if applied.kind == "reload":
            self._reloaded("")
        self._keep(applied.kind, applied.duration_s)
        number = self.generator.generation
        self._record("generation", summary(applied.reasons), number=number, by=applied.kind)

    @property
    def _holds(self) -> bool:
        return self.holding is not None and self.holding.holds

    @property
    def _next_departure(self) -> float:
        """Nobody leaves while a generation is held."""
        return math.inf if self._holds else self.generator.rollout.departures.next_look

    def _let_go(self) -> None:
        """Of servers that leave. If HAProxy does not do it, a pass finds out what to do."""
        self._attempt(self.generator.rollout.look_after_leaving)
        if self.generator.rollout.doubt:
            self.due = min(self.due, time.monotonic())

    def _seen(self, cluster: Cluster, picture: str) -> None:
        if self.picture != "marathon":
            gc.freeze()  # what is known now mostly stays: no collection need look through it again
        self.picture, self.picture_at, self.apps = picture, time.time(), len(cluster.apps)
        now = set(self.generator.quarantined)
        for app_id, reason in sorted(now - self._told):
            self._record("quarantine", f"{app_id} is not served as it asks: {reason}", app_id=app_id)
        for app_id, _ in sorted(self._told - now):
            if app_id not in dict(now):
                self._record("quarantine", f"{app_id} is served again, or gone", app_id=app_id)
        self._told = now
        notices = self.generator.translation.notices if self.generator.translation else ()
        for notice in notices:
            if notice not in self._noticed:
                log.info("notice: %s", notice)
        self._noticed = notices

    def _attempt(self, action: Callable[[], None]) -> None:
        """Do something to HAProxy. A failure is logged when it is news, and shown until a reload succeeds."""
        try:
            action()
        except NotRunningError as error:
            self._reloaded(str(error))  # the file is in place: nothing to do until HAProxy runs
        except (ApplianceError, OSError) as error:  # a disk that is full, say
            self._reloaded(str(error))
            if time.monotonic() >= self.retry_at:
                self.retry_at = time.monotonic() + self.retry_s

    def _confirm(self) -> None:
        with self.generator.tally.timing("confirm"):
            self.generator.service.confirm()
        self._reloaded("")

    def _reloaded(self, complaint: str) -> None:
        if complaint and complaint != self.last_reload["message"]:
            log.error("%s", complaint)
        self.last_reload = {"at": time.time(), "ok": not complaint, "message": complaint}

    def _record(self, kind: str, message: str, **facts: Any) -> None:
        if self.journal is None:
            log.info("%s: %s", kind, message)
        else:
            events.record(self.journal, kind, message, **facts)

    def _publish(self) -> None:
        wanted, files_ = self.generator.wanted, self.operator_files
        facts = {
            "since": self.since,
            "picture": self.picture,
            "applied": self.applied,
            "picture_at": self.source.picture_at or self.picture_at,
            "right_until": self.source.right_until,
            "generation": self.generator.generation,
            "hash": wanted.hash if wanted else "",
            "marathon": self.source.facts(),
            "alarms": [
                *({"id": one.id, "text": one.text, "since": one.since} for one in self.source.alarms),
                *(files_.alarms if files_ else ()),
                *(self.holding.alarms() if self.holding else ()),
                *([{"id": SILENT, "text": self.silent, "since": self.silent_since}] if self.silent else ()),
            ],
            "held": self.holding.facts() if self.holding else None,
            "follows": self.holding is None or self.holding.follows,
            "apps": self.apps,
            "backends": len(wanted.load_balancer.backends) if wanted and wanted.load_balancer else None,
            "applies": self.generator.tally.facts(),
            "reload_reasons": dict(self.generator.tally.reasons),
            "old_workers": self.old_workers,
            "quarantined": [
                {"app_id": app_id, "reason": reason} for app_id, reason in self.generator.quarantined
            ],
            "notices": [*self.notices, *(files_.notices if files_ else ()), *self._noticed],
            "certificates": list(files_.certificates) if files_ else [],
            "last_reload": self.last_reload,
        }
        if self.report is not None:
            self.report.put(facts)
