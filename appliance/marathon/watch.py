"""Marathon's event stream: says that something changed, not what. Events are cache invalidation, never data.

The stream has no replay: whoever attaches has to read everything once. It is dead after three missed
heartbeats, whatever TCP says, and then opened again at the next master, less and less often.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from typing import TYPE_CHECKING

import requests
import sseclient
import urllib3

from appliance.errors import MarathonError
from appliance.marathon.access import reason
from appliance.marathon.events import ATTACHED, WANTED, event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from appliance.marathon.access import Access
    from appliance.marathon.events import Event

EVENTS = "/v2/events?plan-format=light&event_type=" + "&event_type=".join(WANTED)
HEADERS = {"Accept": "text/event-stream", "Accept-Encoding": "identity", "Cache-Control": "no-cache"}
SILENCE_S = 30.0
FIRST_RETRY_S = 0.5
BACKOFF_S = 3.0
LARGEST_EVENT = 64 * 1024 * 1024
_EVENT_ENDS = (b"\n\n", b"\n\r\n", b"\r\r")


def delays(draw: Callable[[], float], longest_s: float) -> Iterator[float]:
    """Seconds before each retry: the first at once, then 3 s growing by half, each half of it by chance."""
    yield FIRST_RETRY_S * draw()
    delay = min(BACKOFF_S, longest_s)
    while True:
        yield delay * (1 + draw()) / 2
        delay = min(delay * 1.5, longest_s)


class Watch:
    """Follows the stream in a thread of its own and calls back from there.

    `on_attached(url)`: a stream is open; read everything now, what happened before is not told.
    `on_event(event)`: something changed. `on_lost(reason)`: no stream; called at every failed attempt.
    """

    def __init__(
        self,
        access: Access,
        *,
        on_event: Callable[[Event], None],
        on_attached: Callable[[str], None],
        on_lost: Callable[[str], None],
        silence_s: float = SILENCE_S,
        max_backoff_s: float = 300.0,
        draw: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._access = access
        self._on_event = on_event
        self._on_attached = on_attached
        self._on_lost = on_lost
        self._silence_s = silence_s
        self._max_backoff_s = max_backoff_s
        self._draw = draw
        self._clock = clock
        self._last_good = ""
        self.skipped = 0
        """Events of kinds that say nothing about apps."""
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._response: requests.Response | None = None
        self._thread = threading.Thread(target=self._run, name="marathon-events", daemon=True)

    def prefer(self, url: str) -> None:
        """Ask this master first from now on, as long as it is good."""
        self._last_good = url

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Close the stream; no callback is called once this returned, unless a master is slow to answer."""
        with self._lock:
            self._stopped.set()
            if self._response is not None:
                with contextlib.suppress(OSError, RuntimeError, ValueError):  # already closing by itself
                    self._response.raw.shutdown()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=1)

    def _run(self) -> None:
        waits = delays(self._draw, self._max_backoff_s)
        while not self._stopped.is_set():
            began = self._clock()
            lost = self._follow_one()
            if self._stopped.is_set():
                return
            self._on_lost(lost)
            if self._clock() - began > self._silence_s:
                waits = delays(self._draw, self._max_backoff_s)
            self._stopped.wait(next(waits))

    def _follow_one(self) -> str:
        """Follow the first master that offers a stream until it ends; the reason why there is none now."""
        failures = []
        try:
            urls = self._access.in_order(self._last_good)
        except MarathonError as error:
            return str(error)
        for url in urls:
            if self._stopped.is_set():
                break
            try:
                response = self._open(url)
            except MarathonError as error:
                failures.append(f"{url} {error}")
                continue
            self._last_good = url
            return f"{url} {self._follow(url, response)}"
        return f"no Marathon master offers its events: {'; '.join(failures)}"

    def _open(self, url: str) -> requests.Response:
        response = self._access.get(url + EVENTS, HEADERS, self._silence_s)
        if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
            response.close()
            raise MarathonError("answers no event stream")
        return response

    def _follow(self, url: str, response: requests.Response) -> str:
        with self._lock:
            if self._stopped.is_set():
                response.close()
                return "stopped"
            self._response = response
        try:
            self._on_attached(url)
            self._deliver(response)
        except urllib3.exceptions.ReadTimeoutError:
            return f"was silent for {self._silence_s:.0f} s"
        except (MarathonError, requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            return str(error) if isinstance(error, MarathonError) else reason(error)
        finally:
            with self._lock:
                self._response = None
            response.close()
        return "ended the event stream"

    def _deliver(self, response: requests.Response) -> None:
        attached = False
        # Latin-1 reads any byte; what the bytes mean is decided event by event.
        for one in sseclient.SSEClient(_segments(response), char_enc="latin-1").events():
            data = one.data.encode("latin-1").decode("utf-8", "replace")
            told = event("" if one.event == "message" else one.event, data)
            if self._stopped.is_set():
                return
            if told is None:
                self.skipped += 1
            elif told.kind == ATTACHED and attached:
                continue  # another client's
            else:
                attached = attached or told.kind == ATTACHED
                self._on_event(told)


def _segments(response: requests.Response) -> Iterator[bytes]:
    """What comes, as it comes. Raises MarathonError when one event never ends."""
    size = 0
    tail = b""
    while segment := response.raw.read1(65536):
        tail = tail[-3:] + segment
        size = 0 if any(end in tail for end in _EVENT_ENDS) else size + len(segment)
        if size > LARGEST_EVENT:
            raise MarathonError(f"sent an event of more than {LARGEST_EVENT >> 20} MB")
        yield segment
