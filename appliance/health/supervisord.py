"""Makes supervisord look at its children now.

It reaps them only when its loop wakes up, once a second; any call wakes it. Measured: a killed child
is started again after 8 to 13 ms instead of a second.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

UNTIL_REAPABLE_S = 0.002
DEADLINE_S = 1.0

CALL = b"<?xml version='1.0'?><methodCall><methodName>supervisor.getState</methodName></methodCall>"
REQUEST = (
    b"POST /RPC2 HTTP/1.1\r\nHost: supervisor\r\nContent-Type: text/xml\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(CALL), CALL)
)


def poke(path: Path) -> threading.Thread:
    """Call the supervisord that listens on `path`, in the background: no verdict waits for it."""
    thread = threading.Thread(target=_call, args=(path,), name="poke", daemon=True)
    thread.start()
    return thread


def _call(path: Path) -> None:
    time.sleep(UNTIL_REAPABLE_S)
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(DEADLINE_S)
        connection.connect(str(path))
        connection.sendall(REQUEST)
        while connection.recv(4096):
            pass
