"""A load balancer that Marathon runs on this node, ours or marathon-lb's own image: is it here, does it work?

It may be anybody's, so it is asked for what every marathon-lb has: an open port 80 and HAProxy's own answer
on port 9090. Nothing is sent to port 80, where a tenant might answer.
"""

from __future__ import annotations

import socket
import time
from pathlib import Path

from appliance.health import probe

STATISTICS_PORT = 9090
HEALTH_URI = "/_haproxy_health_check"
PIDS_URI = "/_haproxy_getpids"
FIND_INTERVAL_S = 5.0
"""Between questions for the process: in a container it is never found."""
LARGEST_ANSWER = 4096


def ask(address: str = "127.0.0.1", port: int = 80, statistics_port: int = STATISTICS_PORT) -> str:
    """Returns what is wrong, '' if nothing is. Takes at most twice the probe's deadline."""
    return probe.ask(address, statistics_port, request=_request(HEALTH_URI)) or _closed(address, port)


def _closed(address: str, port: int) -> str:
    try:
        with socket.create_connection((address, port), probe.DEADLINE_S) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, probe.RESET_ON_CLOSE)
    except ConnectionRefusedError:
        return f"port {port} refuses connections, though marathon-lb answers"
    except OSError as error:
        return f"port {port} cannot be reached, though marathon-lb answers: {error}"
    return ""


class Master:
    """Finds the process id of its HAProxy's master, as far as this machine can see it."""

    def __init__(self, proc: Path = Path("/proc"), port: int = STATISTICS_PORT) -> None:
        self._proc = proc
        self._port = port
        self._ask_at = 0.0

    def find(self) -> int | None:
        """None: not known, for example since its numbers are those of a container."""
        now = time.monotonic()
        if now < self._ask_at:
            return None
        self._ask_at = now + FIND_INTERVAL_S
        return self._master({int(word) for word in _pids(self._port).split() if word.isdecimal()})

    def _master(self, said: set[int]) -> int | None:
        parents = {pid: parent for pid in said if (parent := self._parent(pid)) is not None}
        masters = [pid for pid, parent in parents.items() if parent not in parents]
        return masters[0] if len(masters) == 1 else None

    def _parent(self, pid: int) -> int | None:
        """Of a process that is called haproxy; any other one is a coincidence."""
        try:
            name, _, rest = (self._proc / str(pid) / "stat").read_text().partition("(")[2].rpartition(")")
        except (OSError, UnicodeDecodeError):
            return None
        return int(rest.split()[1]) if name == "haproxy" else None


def _pids(port: int) -> str:
    """What marathon-lb says they are; '' if it says nothing."""
    try:
        with socket.create_connection(("127.0.0.1", port), probe.DEADLINE_S) as connection:
            connection.sendall(_request(PIDS_URI))
            answer = b""
            while len(answer) < LARGEST_ANSWER and (received := connection.recv(LARGEST_ANSWER)):
                answer += received
    except OSError:
        return ""
    head, _, body = answer.partition(b"\r\n\r\n")
    return body.decode("ascii", "replace") if head.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")) else ""


def _request(path: str) -> bytes:
    return f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode()
