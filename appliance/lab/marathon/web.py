"""HTTP as Marathon's Jetty speaks it: headers, basic auth, error pages, gzip, chunks; routes are given."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import sys
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from appliance.lab.marathon.errors import RefusedError
from appliance.lab.marathon.model import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.lab.marathon.model import Json

REQUESTS_KEPT = 2000
NO_CACHE = {
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Expires": "0",
}


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    """Decoded, without the query."""
    query: Mapping[str, list[str]]
    accepts: tuple[str, ...]
    """Values of the Accept headers, one a line."""
    client_ip: str
    body: bytes = b""

    def flag(self, name: str, default: bool = False) -> bool:
        values = self.query.get(name)
        return default if values is None else values[-1].lower() == "true"

    def json(self) -> Any:
        """The body; raises the 400 that Marathon answers."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise RefusedError(400, {"message": "Invalid JSON", "details": str(error)}) from None


@dataclass(frozen=True)
class Answer:
    body: Any = None
    """JSON; text where `content_type` says so; None for an empty body."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


class Routes(Protocol):
    """What a server serves. A stream takes the connection over and returns when it is done."""

    def answer(self, request: Request) -> Answer: ...

    def stream(self, request: Request, connection: Connection) -> bool:
        """True when the request was for a stream, which is now over."""


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
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(address, Connection)
        self.routes = routes
        self.credentials = credentials
        self.headers = headers or {}
        self.requests: deque[Json] = deque(maxlen=REQUESTS_KEPT)
        """The latest requests seen; `status` is None while one is being answered."""
        self._open: set[socket.socket] = set()

    @property
    def netloc(self) -> str:
        host, port = self.server_address[:2]
        return f"{host!s}:{port}"

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
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

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
        seen.update(uri=self.path, status=None)
        self.server.requests.append(seen)
        seen["status"] = self._answer(request)

    def _answer(self, request: Request) -> int:
        """Answer it, or serve its stream to the end; returns the status."""
        try:
            if not self._authorized(request.path):
                return self._page(401, {"WWW-Authenticate": 'basic realm="Mesosphere"'})
            if request.body and not self._is_json():
                return self._page(415)
            if self.server.routes.stream(request, self):
                return 200
            return self._send(self.server.routes.answer(request))
        except RefusedError as refused:
            if refused.body is None:
                return self._page(refused.status)
            return self._send(Answer(refused.body, refused.status))

    def _is_json(self) -> bool:
        return (
            self.headers.get("Content-Type", "application/json").partition(";")[0].strip()
            == "application/json"
        )

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

    def _send(self, answer: Answer) -> int:
        text = answer.content_type.startswith("text/")
        body = b""
        if answer.body is not None:
            body = (answer.body if text else json.dumps(answer.body, separators=(",", ":"))).encode()
        self._write(answer.status, {"Content-Type": answer.content_type, **answer.headers}, body)
        return answer.status

    def _page(self, status: int, headers: Mapping[str, str] | None = None) -> int:
        reason = self.responses.get(status, ("Error", ""))[0]
        body = (
            "<html>\n<head>\n"
            '<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>\n'
            f"<title>Error {status} {reason}</title>\n</head>\n"
            f"<body><h2>HTTP ERROR {status}</h2>\n<p>Problem accessing {urlsplit(self.path).path}. Reason:\n"
            f"<pre>    {reason}</pre></p>\n</body>\n</html>\n"
        )
        self._write(
            status, {"Content-Type": "text/html;charset=iso-8859-1", **(headers or {})}, body.encode()
        )
        return status

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status line and headers, those of every answer first."""
        self.send_response(status)
        for name, value in {**self.server.headers, **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _write(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        sent = {**NO_CACHE, **headers, "Vary": "Accept-Encoding, User-Agent"}
        if body and "gzip" in self.headers.get("Accept-Encoding", ""):
            body, sent["Content-Encoding"] = gzip.compress(body, 1), "gzip"
        chunked = bool(body) and self.request_version == "HTTP/1.1"
        sent.update({"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(body))})
        self.head(status, sent)
        if self.command != "HEAD":
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body)
