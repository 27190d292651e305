"""A standby hands a request to the leader and its answer back. The door to the other masters."""

from __future__ import annotations

import http.client
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from appliance.lab.marathon.errors import RefusedError
from appliance.lab.marathon.messages import Answer

if TYPE_CHECKING:
    import ssl

    from appliance.lab.marathon.election import Timing
    from appliance.lab.marathon.flavours import Flavour
    from appliance.lab.marathon.messages import Request
    from appliance.lab.marathon.web import Connection

VIA = "X-Marathon-Via"
_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "host", "te", "upgrade")


class Proxy:
    """Of the standby `netloc`. `tls` is how it trusts the others; None = plain HTTP."""

    def __init__(self, netloc: str, timing: Timing, tls: ssl.SSLContext | None) -> None:
        self._netloc = netloc
        self._timing = timing
        self._tls = tls

    def forward(self, leader: str, request: Request, flavour: Flavour) -> Answer:
        """The leader's answer. Raises the 5xx of one that refuses or is silent, and of a loop."""
        connection = self._ask(leader, request, flavour)
        try:
            answer = connection.getresponse()
            body = answer.read()
        except socket.timeout:
            raise RefusedError(flavour.timed_out, reason="Timed out while waiting for the leader.") from None
        except (OSError, http.client.HTTPException):
            raise RefusedError(flavour.refused, reason="The leader broke the connection off.") from None
        finally:
            connection.close()
        headers = {
            name: value
            for name, value in answer.getheaders()
            if name.lower() not in (*_HOP, "server", "date")
        }
        content_type = headers.pop("Content-Type", "application/octet-stream")
        return Answer(body, answer.status, {**headers, VIA: f"1.1 {self._netloc}"}, content_type, bare=True)

    def stream(self, leader: str, request: Request, flavour: Flavour, connection: Connection) -> None:
        """The leader's event stream, in chunks, until either side ends it. Raises as `forward`."""
        upstream = self._ask(leader, request, flavour)
        connection.close_connection = True
        try:
            answer = upstream.getresponse()
            headers = {n: v for n, v in answer.getheaders() if n.lower() not in (*_HOP, "server", "date")}
            chunked = {"Transfer-Encoding": "chunked", "Connection": "close", VIA: f"1.1 {self._netloc}"}
            connection.head(answer.status, {**headers, **chunked})
            if upstream.sock:
                upstream.sock.settimeout(None)
            with suppress(OSError, http.client.HTTPException):
                while piece := answer.read1(65536):
                    connection.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                connection.wfile.write(b"0\r\n\r\n")
        finally:
            upstream.close()

    def _ask(self, leader: str, request: Request, flavour: Flavour) -> http.client.HTTPConnection:
        if self._netloc in request.header(VIA):
            raise RefusedError(502, reason="Detected proxying loop.")
        connection = self._connection(leader)
        try:
            connection.connect()
            connection.sock.settimeout(self._timing.read_s)
            connection.putrequest(request.method, request.uri, skip_accept_encoding=True)
            for name, value in request.headers:
                if name.lower() not in (*_HOP, "accept-encoding", VIA.lower()):
                    connection.putheader(name, value)
            vias = [each for each in (request.header(VIA), f"1.1 {self._netloc}") if each]
            connection.putheader(VIA, ", ".join(vias))
            connection.putheader("Content-Length", str(len(request.body)))
            connection.endheaders(request.body)
        except socket.timeout:
            connection.close()
            raise RefusedError(
                flavour.timed_out, reason="Timed out while connecting to the leader."
            ) from None
        except OSError:
            connection.close()
            raise RefusedError(flavour.refused, reason="Connection to leader refused.") from None
        return connection

    def _connection(self, leader: str) -> http.client.HTTPConnection:
        if self._tls:
            return http.client.HTTPSConnection(leader, timeout=self._timing.connect_s, context=self._tls)
        return http.client.HTTPConnection(leader, timeout=self._timing.connect_s)
