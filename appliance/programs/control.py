"""Answers the pages behind HAProxy's :9090 that HAProxy cannot answer itself, on a unix socket."""

from __future__ import annotations

import contextlib
import logging
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Callable

from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

log = logging.getLogger(__name__)
_REQUEST_TIMEOUT_S = 5.0


class Control(socketserver.ThreadingUnixStreamServer):
    """`pages`: path -> its text, asked for at each request. Serves from `start` until `stop`."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, socket: Path, pages: Mapping[str, Callable[[], str]]) -> None:
        self.pages = pages
        with contextlib.suppress(FileNotFoundError):
            socket.unlink()
        super().__init__(str(socket), _Page)
        self._socket = socket
        socket.chmod(0o666)  # HAProxy's workers have a user of their own, and :9090 is open to all

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, name="control", daemon=True).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        with contextlib.suppress(OSError):
            self._socket.unlink()


class _Page(BaseHTTPRequestHandler):
    server: Control
    timeout = _REQUEST_TIMEOUT_S

    def do_GET(self) -> None:
        page = self.server.pages.get(self.path.partition("?")[0])
        try:
            status, text = (200, page()) if page else (404, "no such page\n")
        except ApplianceError as error:
            status, text = 503, f"{error}\n"
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the base class names it so

    def address_string(self) -> str:
        return "HAProxy"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        log.debug(format, *args)
