"""HTTP as Marathon's Jetty speaks it: headers, basic auth, error pages, gzip, chunks; routes are given."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import struct
import sys
import time
from collections import deque
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from appliance.lab.marathon.errors import RefusedError
from appliance.lab.marathon.messages import Answer, Payload, Request, page
from appliance.lab.marathon.model import stamp

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from appliance.lab.marathon.model import Json

REQUESTS_KEPT = 2000
NO_CACHE = {
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Expires": "0",
}
FORM = "application/x-www-form-urlencoded"


class Routes(Protocol):
    """What a server serves."""

    def broken(self, request: Request, connection: Connection) -> int | None:
        """The status when a fault has answered, 0 when it took the connection away, else None."""

    def stream(self, request: Request, connection: Connection) -> bool:
        """True when the request was for a stream, which is now over."""

    def answer(self, request: Request) -> Answer: ...

    def spoiled(self, request: Request, payload: Payload) -> Payload:
        """What goes over the wire instead of `payload`."""

    def headers(self) -> Mapping[str, str]:
        """Of every answer."""


class Server(ThreadingHTTPServer):
    """Listens from construction on; `credentials` is user:password, asked of everything but `/_lab/`."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(
        self,
        address: tuple[str, int],
        routes: Routes,
        credentials: str | None = None,
        tls: ssl.SSLContext | None = None,
        requests: deque[Json] | None = None,
    ) -> None:
        super().__init__(address, Connection)
        self.routes = routes
        self.credentials = credentials
        self.requests: deque[Json] = deque(maxlen=REQUESTS_KEPT) if requests is None else requests
        """The latest requests seen; `status` is None while one is being answered."""
        self._tls = tls
        self._open: set[socket.socket] = set()

    @property
    def netloc(self) -> str:
        host, port = self.server_address[:2]
        return f"{host!s}:{port}"

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._tls:
            # The handshake is for the connection's own thread: here it would hold up all others.
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Stop listening, and end the connections that are kept alive."""
        super().server_close()
        for connection in list(self._open):
            shut(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours; everything else is shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def version_string(self) -> str:
        return "Jetty(9.4.27.v20200227)"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Nothing: the server keeps the requests itself."""

    def _serve(self) -> None:
        request = self._request()
        seen: Json = {"at": stamp(time.time()), "client": request.client_ip, "method": request.method}
        seen.update(master=self.server.netloc, uri=self.path, status=None)
        self.server.requests.append(seen)
        seen["status"] = self._answer(request)

    def _answer(self, request: Request) -> int:
        """Answer it, or serve its stream to the end; returns the status."""
        try:
            status = self.server.routes.broken(request, self)
            return self._by_routes(request) if status is None else status
        except RefusedError as refused:
            if refused.body is None:
                return self.send(request, page(refused.status, request, reason=refused.reason))
            return self.send(request, Answer(refused.body, refused.status))

    def _by_routes(self, request: Request) -> int:
        routes = self.server.routes
        if not self._authorized(request.path):
            return self.send(request, page(401, request, {"WWW-Authenticate": 'basic realm="Mesosphere"'}))
        if request.body and not self._is_understood(request):
            return self.send(request, page(415, request))
        if routes.stream(request, self):
            return 200
        return self.send(request, routes.answer(request))

    def _is_understood(self, request: Request) -> bool:
        given = self.headers.get("Content-Type", "application/json").partition(";")[0].strip()
        return given == (FORM if request.path.startswith("/ui/") else "application/json")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815 - the base class names them

    def _request(self) -> Request:
        parts = urlsplit(self.path)
        return Request(
            method=self.command,
            path=unquote(parts.path),
            query=parse_qs(parts.query, keep_blank_values=True),
            accepts=tuple(self.headers.get_all("Accept", ())),
            client_ip=str(self.client_address[0]),
            body=self._body(),
            uri=self.path,
            headers=tuple(self.headers.items()),
        )

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _authorized(self, path: str) -> bool:
        if self.server.credentials is None or path.startswith("/_lab/"):
            return True
        scheme, _, given = self.headers.get("Authorization", "").partition(" ")
        wanted = base64.b64encode(self.server.credentials.encode()).decode()
        return scheme.lower() == "basic" and given.strip() == wanted

    def send(self, request: Request, answer: Answer) -> int:
        """Write the whole answer; returns its status."""
        headers = {"Content-Type": answer.content_type, **answer.headers}
        if not answer.bare:
            headers = {**NO_CACHE, **headers, "Vary": "Accept-Encoding, User-Agent"}
        compress = "gzip" in self.headers.get("Accept-Encoding", "")
        payload = Payload(answer.status, headers, _bytes(answer), compress)
        self._write(self.server.routes.spoiled(request, payload))
        return answer.status

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status line and headers, those of every answer first."""
        self.send_response(status)
        for name, value in {**self.server.routes.headers(), **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _write(self, payload: Payload) -> None:
        body, sent = payload.body, dict(payload.headers)
        if body and payload.gzip:
            body, sent["Content-Encoding"] = gzip.compress(body, 1), "gzip"
        chunked = bool(body) and payload.length is None and self.request_version == "HTTP/1.1"
        length = len(body) if payload.length is None else payload.length
        sent.update({"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(length)})
        self.close_connection = self.close_connection or length > len(body)
        self.head(payload.status, sent)
        if self.command == "HEAD":
            return
        whole = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body
        if not payload.pause_s:
            self.wfile.write(whole)
            return
        for start in range(0, len(whole), 64):
            self.wfile.write(whole[start : start + 64])
            time.sleep(payload.pause_s)

    def reset(self) -> None:
        """End the connection by RST."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.server._open.discard(self.connection)  # noqa: SLF001 - it is ours to end
        with suppress(OSError):
            # A shutdown would send a FIN before: only close() of the last reference sends the RST.
            self.rfile.close()
            self.connection.close()


def shut(connection: socket.socket) -> None:
    """End it by FIN, and wake who waits in it."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _bytes(answer: Answer) -> bytes:
    if answer.body is None or isinstance(answer.body, bytes):
        return answer.body or b""
    if answer.content_type.startswith("text/"):
        return str(answer.body).encode()
    return json.dumps(answer.body, separators=(",", ":")).encode()
