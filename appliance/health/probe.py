"""Asks HAProxy on :80 the way a client does, through the reserved route inside its frontend."""

from __future__ import annotations

import socket
import struct
import time

from appliance.haproxy.model import PROBE_HOST, PROBE_PATH

DEADLINE_S = 0.12
ENOUGH = 12
"""Bytes of a status line up to and with the code."""

REQUEST = f"GET {PROBE_PATH} HTTP/1.1\r\nHost: {PROBE_HOST}\r\nConnection: close\r\n\r\n".encode()
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER: twenty looks a second shall leave no sockets in TIME_WAIT."""


def ask(
    address: str = "127.0.0.1", port: int = 80, *, deadline_s: float = DEADLINE_S, request: bytes = REQUEST
) -> str:
    """Open a fresh connection and want a 200. Returns what is wrong, '' if nothing is."""
    end = time.monotonic() + deadline_s
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            connection.settimeout(deadline_s)
            connection.connect((address, port))
            connection.sendall(request)
            answer = b""
            while len(answer) < ENOUGH:
                connection.settimeout(max(end - time.monotonic(), 0.001))
                received = connection.recv(4096)
                if not received:
                    return f"port {port} closed the connection without an answer"
                answer += received
    except socket.timeout:
        return f"port {port} gave no answer within {deadline_s * 1000:g} ms"
    except ConnectionRefusedError:
        return f"port {port} refuses connections"
    except OSError as error:
        return f"port {port} cannot be asked: {error.strerror or error}"
    status = answer[9:ENOUGH].decode("ascii", "replace")
    return (
        ""
        if answer.startswith(b"HTTP/1.") and status == "200"
        else f"port {port} answered {status!r}, not 200"
    )
