"""An open-loop client: a fresh connection each few milliseconds, whatever became of the ones before.

`Load` runs here; `python -m appliance.lab.load` is what runs in the client's namespace.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import selectors
import signal
import socket
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Callable
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OK = "ok"
_ERRORS = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
}


@dataclass(frozen=True)
class Request:
    """One request. `outcome` is ok, timeout, refused, reset, unreachable, closed or `status N`."""

    started: float
    """Unix time in seconds."""
    duration_ms: float
    outcome: str
    app: str = ""
    task: str = ""

    @property
    def ended(self) -> float:
        return self.started + self.duration_ms / 1000


@dataclass(frozen=True)
class Summary:
    requests: int
    failed: int
    failures: dict[str, int]
    longest_gap_ms: float
    """Longest time without a good answer between the first start and the last end."""
    apps: dict[str, int]
    tasks: dict[str, int]

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.failures.items())
        lines = [
            f"{self.requests} requests, {self.failed} failed{f' ({kinds})' if kinds else ''}",
            f"longest gap without a good answer: {self.longest_gap_ms:.0f} ms",
        ]
        good = max(1, self.requests - self.failed)
        for title, shares in (("app", self.apps), ("task", self.tasks)):
            lines += [
                f"{title} {name}: {count} ({count / good:.0%})" for name, count in shares.items() if name
            ]
        return "\n".join(lines)


def summary(requests: Sequence[Request]) -> Summary:
    good = [request for request in requests if request.outcome == OK]
    return Summary(
        requests=len(requests),
        failed=len(requests) - len(good),
        failures=_count(request.outcome for request in requests if request.outcome != OK),
        longest_gap_ms=_longest_gap_ms(requests),
        apps=_count(request.app for request in good),
        tasks=_count(request.task for request in good),
    )


def _count(words: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return dict(sorted(counts.items()))


def _longest_gap_ms(requests: Sequence[Request]) -> float:
    if not requests:
        return 0.0
    good = sorted(request.ended for request in requests if request.outcome == OK)
    times = [min(r.started for r in requests), *good, max(r.ended for r in requests)]
    return max(1000 * (after - before) for before, after in zip(times, times[1:]))


class _Attempt:
    """A connection on its way from connect to the last byte of the answer."""

    def __init__(self, address: tuple[str, int], question: bytes, deadline: float) -> None:
        self.deadline = deadline
        self._question = question
        self._answer = b""
        self._wall = time.time()
        self._clock = time.monotonic()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.failure = self.socket.connect_ex(address)

    def writable(self) -> None:
        """Raises OSError with what became of the connect."""
        error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
        self.socket.sendall(self._question)

    def readable(self) -> str | None:
        """The outcome, once it is clear. Raises OSError."""
        chunk = self.socket.recv(65536)
        self._answer += chunk
        head, blank, body = self._answer.partition(b"\r\n\r\n")
        length = _content_length(head) if blank else None
        if chunk and (length is None or len(body) < length):
            return None
        if not blank or (length is not None and len(body) < length):
            return "closed"
        status = head.split(b" ", 2)[1].decode()
        return OK if status == "200" else f"status {status}"

    def result(self, outcome: str) -> Request:
        duration_ms = 1000 * (time.monotonic() - self._clock)
        try:
            body = json.loads(self._answer.partition(b"\r\n\r\n")[2]) if outcome == OK else {}
        except ValueError:
            body = {}
        said = body if isinstance(body, dict) else {}
        return Request(
            self._wall, round(duration_ms, 3), outcome, str(said.get("app", "")), str(said.get("task", ""))
        )


def _content_length(head: bytes) -> int | None:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return None


class Load:
    """Asks `url` each `interval_s`; an answer that takes longer than `deadline_s` is a timeout."""

    def __init__(
        self, url: str, *, host: str = "", interval_s: float = 0.01, deadline_s: float = 0.25
    ) -> None:
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._address = (parts.hostname or "", parts.port or 80)
        self._question = f"GET {path} HTTP/1.1\r\nHost: {host or parts.netloc}\r\nConnection: close\r\n\r\n"
        self._interval_s = interval_s
        self._deadline_s = deadline_s
        self._open: dict[_Attempt, None] = {}
        self._done: list[Request] = []

    def run(self, stopped: Callable[[], bool]) -> list[Request]:
        """Ask until `stopped`, wait for what is under way, return all requests in order of their start."""
        due = time.monotonic()
        with selectors.DefaultSelector() as selector:
            while self._open or not stopped():
                now = time.monotonic()
                while due <= now and not stopped():
                    self._begin(selector, now)
                    due += self._interval_s
                wake = min([due, *(attempt.deadline for attempt in list(self._open)[:1])])
                for key, events in selector.select(max(0.0, wake - time.monotonic())):
                    self._advance(selector, key.data, events)
                self._expire(selector)
        return sorted(self._done, key=lambda request: request.started)

    def _begin(self, selector: selectors.BaseSelector, now: float) -> None:
        attempt = _Attempt(self._address, self._question.encode(), now + self._deadline_s)
        self._open[attempt] = None
        selector.register(attempt.socket, selectors.EVENT_WRITE, attempt)
        if attempt.failure not in (0, errno.EINPROGRESS):
            self._end(selector, attempt, _ERRORS.get(attempt.failure, os.strerror(attempt.failure)))

    def _advance(self, selector: selectors.BaseSelector, attempt: _Attempt, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                attempt.writable()
                selector.modify(attempt.socket, selectors.EVENT_READ, attempt)
                return
            outcome = attempt.readable()
        except OSError as error:
            outcome = _ERRORS.get(error.errno or 0, str(error.strerror))
        if outcome is not None:
            self._end(selector, attempt, outcome)

    def _expire(self, selector: selectors.BaseSelector) -> None:
        now = time.monotonic()
        for attempt in [attempt for attempt in self._open if attempt.deadline <= now]:
            self._end(selector, attempt, "timeout")

    def _end(self, selector: selectors.BaseSelector, attempt: _Attempt, outcome: str) -> None:
        selector.unregister(attempt.socket)
        attempt.socket.close()
        del self._open[attempt]
        self._done.append(attempt.result(outcome))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", metavar="URL", help="what to ask; default: the VIP's port 80")
    parser.add_argument("--host", default="", metavar="NAME", help="value of the Host header")
    parser.add_argument("--interval-ms", type=_positive, default=10.0, metavar="MS", help="default: 10")
    parser.add_argument("--deadline-ms", type=_positive, default=250.0, metavar="MS", help="default: 250")
    until = parser.add_mutually_exclusive_group()
    until.add_argument("--duration", type=_positive, default=10.0, metavar="S", help="seconds; default: 10")
    until.add_argument("--until-signal", action="store_true", help="run until Ctrl-C or SIGTERM")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument("--records", action="store_true", help="with --json: also each request")


def argv(arguments: argparse.Namespace, url: str) -> list[str]:
    """The command line that parses to `arguments` again; `url` is asked if they name none."""
    words = ["--url", arguments.url or url, "--host", arguments.host]
    words += ["--interval-ms", f"{arguments.interval_ms:g}", "--deadline-ms", f"{arguments.deadline_ms:g}"]
    words += ["--until-signal"] if arguments.until_signal else ["--duration", f"{arguments.duration:g}"]
    return words + [f"--{name}" for name in ("json", "records") if getattr(arguments, name)]


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} has to be more than 0")
    return number


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="appliance lab load")
    add_arguments(parser)
    arguments = parser.parse_args(argv)
    signals: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda caught, _frame: signals.append(caught))
    end = float("inf") if arguments.until_signal else time.monotonic() + arguments.duration
    load = Load(
        arguments.url,
        host=arguments.host,
        interval_s=arguments.interval_ms / 1000,
        deadline_s=arguments.deadline_ms / 1000,
    )
    print(f"asking {arguments.url} each {arguments.interval_ms:g} ms", file=sys.stderr, flush=True)
    requests = load.run(lambda: bool(signals) or time.monotonic() >= end)
    found = summary(requests)
    if not arguments.json:
        print(found)
    elif arguments.records:
        print(json.dumps({"summary": asdict(found), "records": [asdict(request) for request in requests]}))
    else:
        print(json.dumps(asdict(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
