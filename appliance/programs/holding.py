"""What the generator's loop tells the history; and holding the generation that an operator rolled back to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from appliance.errors import ApplianceError, NotRunningError

if TYPE_CHECKING:
    from appliance.haproxy.generations import Pin
    from appliance.haproxy.history import History
    from appliance.programs.generator import Generator

RELEASE = "'appliance config release' ends it"


class Holding:
    """Keeps what is applied; while a generation is held, that is applied and nothing else."""

    def __init__(self, generator: Generator, history: History) -> None:
        self._generator = generator
        self._history = history
        self._pin: Pin | None = None
        self._complaint = ""
        self._settled = True
        """Whether what the operator said last is done."""

    def changed(self) -> bool:
        """Whether another generation is held than before, or none any more."""
        before, self._pin = self._pin, self._history.pinned()
        if before == self._pin:
            return False
        self._settled, self._complaint = False, ""
        return True

    def followed(self) -> None:
        """Marathon's picture is served."""
        self._settled = True

    @property
    def follows(self) -> bool:
        return self._pin is None and self._settled

    @property
    def holds(self) -> bool:
        return self._pin is not None

    @property
    def number(self) -> int:
        """0: none is held."""
        return self._pin.number if self._pin else 0

    def apply(self) -> bool:
        """Serve what is held; whether HAProxy had to be told. Raises ApplianceError; what runs then stays."""
        pin, service, rollout = self._pin, self._generator.service, self._generator.rollout
        if pin is None or not pin.number:
            self._settled = True
            return False
        try:
            rendered = self._history.rendered(pin.number)
            self._complaint = ""
            if service.on_disk() == rendered.hash and service.running() == rendered.structure:
                rollout.stands(rendered)
                self._settled = True
                return False
            started = time.monotonic()
            with self._generator.tally.timing("rollback"):
                service.apply(rendered)
        except NotRunningError:
            rollout.stands(rendered)
            raise
        except ApplianceError as error:
            self._complaint = str(error)
            raise
        rollout.stands(rendered)
        self._settled = True
        self.keep(
            kind="reload", cause=f"rollback to generation {pin.number}", duration_s=time.monotonic() - started
        )
        return True

    def keep(self, *, kind: str, cause: str, duration_s: float) -> None:
        """What is in place now was applied."""
        config = self._generator.service.config
        number = self._history.keep(config, kind=kind, cause=cause, duration_s=round(duration_s, 4))
        self._generator.generation = number or self._generator.generation

    def facts(self) -> dict[str, Any] | None:
        """For the report; None: nothing is held."""
        pin = self._pin
        if pin is None:
            return None
        return {"number": pin.number, "since": pin.since, "reason": pin.reason, "serves": self._settled}

    def alarms(self) -> list[dict[str, Any]]:
        found = []
        pin = self._pin
        if pin:
            why = f" ({pin.reason})" if pin.reason else ""
            what = f"generation {pin.number}" if pin.number else "what runs"
            text = f"{what} is held{why}: this load balancer does not follow Marathon; {RELEASE}"
            found.append({"id": "CONFIG-HELD", "text": text, "since": pin.since})
            if self._complaint:
                text = f"{what} is held, but cannot be served: {self._complaint}; {RELEASE}"
                found.append({"id": "CONFIG-HELD-UNUSABLE", "text": text, "since": pin.since})
        if self._history.trouble:
            since = self._history.trouble_since
            found.append({"id": "HISTORY-NOT-KEPT", "text": self._history.trouble, "since": since})
        return found
