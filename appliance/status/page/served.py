"""What this node's HAProxy serves, asked by a thread: its statistics often, the apps when they changed."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from appliance import files
from appliance.errors import ApplianceError
from appliance.haproxy import runtime
from appliance.status import apps
from appliance.status.page.applist import QUARANTINED, SHORT, trouble, troubled_first
from appliance.status.page.picture import Served
from appliance.status.page.traffic import Traffic, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.paths import Paths
    from appliance.status.page.interest import Interest
    from appliance.status.page.traffic import Statistics

WATCHED_S, IDLE_S = 2.0, 10.0
PATIENCE_S = 2.0
APPS_EACH_S = 60.0
STATISTICS = "show stat -1 6 -1"
"""Of backends and servers, without frontends (management guide, 9.3)."""


class Reader:
    """A thread from `start` until nobody may look any more; `served` is its newest answer."""

    def __init__(self, paths: Paths, interest: Interest) -> None:
        self.served = Served()
        self._paths, self._interest = paths, interest
        self._traffic = Traffic()
        self._listing: Mapping[str, Any] = {}
        self._problem = ""
        self._asked_for: object = None
        self._asked_at = 0.0

    def start(self) -> None:
        threading.Thread(target=self._read_forever, name="page asks HAProxy", daemon=True).start()

    def _read_forever(self) -> None:
        self.read()
        while self._interest.pause(WATCHED_S, IDLE_S):
            self.read()

    def read(self) -> None:
        """Ask once."""
        statistics = self._statistics()
        if statistics:
            self._traffic.add(statistics)
        self._ask_apps(time.monotonic())
        states = statistics.states if statistics else {}
        listed = troubled_first(self._listing.get("apps", ()), states)
        kinds = Counter(trouble(app, states) for app in listed)
        self.served = Served(
            apps=tuple(listed),
            quarantined=kinds[QUARANTINED],
            short=kinds[SHORT],
            notices=self._listing.get("notices", ()),
            states=states,
            rates=self._traffic.rates() if statistics else None,
            problem=self._problem,
        )

    def _statistics(self) -> Statistics | None:
        try:
            text = runtime.command(self._paths.haproxy_socket, STATISTICS, timeout_s=PATIENCE_S)
            return parse(text, time.time())
        except (ApplianceError, ValueError):
            return None

    def _ask_apps(self, now: float) -> None:
        """Each answer costs the generator something: it is asked when its report says something else."""
        report = files.report(self._paths.lb_report)
        wanted = [report.get(key) for key in ("hash", "picture", "quarantined", "notices", "applied")]
        if wanted == self._asked_for and not self._problem and now - self._asked_at < APPS_EACH_S:
            return
        try:
            answer = apps.ask(self._paths.lb_socket)
            self._listing = {key: tuple(answer[key]) for key in ("apps", "notices")}
            self._problem, self._asked_for, self._asked_at = "", wanted, now
        except (ApplianceError, ValueError, KeyError, TypeError, AttributeError) as error:
            said = str(error) if isinstance(error, ApplianceError) else "its answer cannot be understood"
            self._problem = f"The apps are not known: {said}"
