"""Looks whether the domain leads to the VIP, by this node's resolver. Nobody waits for it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Callable

from appliance import files
from appliance.domain import judge, resolve
from appliance.domain.model import Answer, Target
from appliance.errors import MissingError

if TYPE_CHECKING:
    from appliance.paths import Paths
    from appliance.settings import Settings

LOOK_S = 10.0
NOTICE_S = 0.5
"""How soon an edited appliance.toml is looked at."""


def facts(settings: Settings) -> dict[str, Any]:
    """Ask, and judge: what the node's status says. Takes two seconds for each name server at most."""
    if not settings.dns.domain:
        return {}
    target = Target.of(settings)
    answers = [_ask(target.domain, server) for server in ("", *settings.dns.servers)]
    alarms = [
        {"id": fault.id, "text": str(fault)} for answer in answers for fault in judge.faults(answer, target)
    ]
    return {"name": target.domain, "addresses": list(answers[0].addresses), "alarms": alarms}


def _ask(domain: str, server: str) -> Answer:
    try:
        return resolve.ask(domain, server)
    except MissingError as error:
        return Answer(server, problem=str(error))


class Watch:
    """A thread from `start` to the end of the program."""

    def __init__(self, paths: Paths, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._report = files.Report(paths.domain_report)

    def start(self) -> None:
        threading.Thread(target=self._look_forever, name="domain", daemon=True).start()

    def _look_forever(self) -> None:
        pause = threading.Event()
        while True:
            wanted = self._settings()
            self._report.put(facts(wanted))
            until = time.monotonic() + LOOK_S
            while time.monotonic() < until and self._settings() == wanted:
                pause.wait(NOTICE_S)
