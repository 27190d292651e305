"""Compression by label, on a real HAProxy: what gains by it is compressed, what would suffer is not."""

from __future__ import annotations

import gzip
import http.server
import threading
from http.client import HTTPConnection

import pytest
from netns import Namespace
from real_haproxy import Haproxy

from appliance.haproxy.model import Backend, LoadBalancer, Mode, Route, Server

BODY = b"a line that repeats itself\n" * 200
TYPES = {
    "/page": "text/html; charset=utf-8",
    "/data": "application/json",
    "/drawing": "image/svg+xml",
    "/picture": "image/png",
    "/events": "text/event-stream",
    "/archive": "application/gzip",
}


class Typed(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", TYPES[self.path])
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_):
        pass


def backend(name, *, compression):
    servers = (Server("app", "127.0.0.1", 31001, 1),)
    return Backend(name, Mode.HTTP, "roundrobin", servers, compression=compression)


@pytest.fixture(scope="module")
def ask(root):  # noqa: ARG001 - asks for root
    namespace = Namespace()
    app = namespace.connect(lambda: http.server.ThreadingHTTPServer(("127.0.0.1", 31001), Typed))
    threading.Thread(target=app.serve_forever, args=(0.02,), daemon=True).start()
    haproxy = Haproxy(namespace)
    routes = (Route("off.example", "", ("off_80",)), Route("on.example", "", ("on_80",)))
    backends = (backend("off_80", compression=False), backend("on_80", compression=True))

    def get(host, path, accepts):
        connection = HTTPConnection("127.0.0.1", 80, timeout=10)
        connection.request("GET", path, headers={"Host": host, "Accept-Encoding": accepts})
        answer = connection.getresponse()
        body, encoding = answer.read(), answer.getheader("Content-Encoding", "")
        connection.close()
        return encoding, gzip.decompress(body) if encoding == "gzip" else body

    try:
        haproxy.start(LoadBalancer(routes=routes, backends=backends))
        yield lambda host, path, accepts="gzip": namespace.connect(lambda: get(host, path, accepts))
    finally:
        haproxy.close()
        app.shutdown()
        app.server_close()
        namespace.close()


@pytest.mark.parametrize("path", TYPES)
def test_text_is_compressed_and_the_rest_is_left_alone(ask, path):
    gains = path in ("/page", "/data", "/drawing")
    assert ask("on.example", path) == ("gzip" if gains else "", BODY)


def test_it_takes_a_client_that_asks_and_a_service_that_wants(ask):
    assert ask("on.example", "/page", "identity") == ("", BODY)
    assert ask("off.example", "/page") == ("", BODY)
