"""How often HAProxy was given something, with what result, and how long that took."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from appliance.errors import NotRunningError
from appliance.haproxy.service import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

OK, REFUSED, WAITING, FAILED = "ok", "refused", "waiting", "failed"
"""Applied; `haproxy -c` said no; in place for a HAProxy that does not run; any other failure."""
OTHER = "other"
_REASONS = {
    "backend ": "backend",
    "route ": "route",
    "service port ": "service port",
    "app id ": "app id",
    "own rules of ": "own rules",
    "VIP ": "VIP",
    "TLS of ": "TLS",
    "default of ": "default",
    "settings, ": "settings",
    "nothing of ours ": "start",
    "another configuration ": "start",
}
"""How the plan's words for a reason begin, and what such reasons are counted as."""


def reason(words: str) -> str:
    """What is counted for one of a reload's reasons; few enough values for a metric's label."""
    return next((kind for start, kind in _REASONS.items() if words.startswith(start)), OTHER)


class Tally:
    """Since this program started. Kinds: runtime, reload, rollback, confirm (the file loaded again)."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[int, float]] = {}
        self.reasons: Counter[str] = Counter()
        """Reloads by the kinds of their reasons; one that has several kinds counts for each."""

    def reload_for(self, reasons: Iterable[str]) -> None:
        self.reasons.update(set(map(reason, reasons)))

    @contextlib.contextmanager
    def timing(self, kind: str) -> Iterator[None]:
        started, result = time.monotonic(), FAILED
        try:
            yield
            result = OK
        except NotRunningError:
            result = WAITING
            raise
        except RefusedError:
            result = REFUSED
            raise
        finally:
            count, seconds = self._found.get((kind, result), (0, 0.0))
            self._found[kind, result] = count + 1, seconds + time.monotonic() - started

    def facts(self) -> list[dict[str, Any]]:
        """For the report."""
        return [
            {"kind": kind, "result": result, "count": count, "seconds": round(seconds, 4)}
            for (kind, result), (count, seconds) in sorted(self._found.items())
        ]
