"""A network namespace of a test's own, entered by one thread of the test process."""

from __future__ import annotations

import contextlib
import ctypes
import os
import ssl
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from appliance import commands

CLONE_NEWNET = 0x40000000


class Namespace:
    """`loopback` only, with one address besides 127.0.0.0/8 from which clients may come."""

    OUTSIDE = "10.99.0.1"

    def __init__(self):
        self.name = f"th-{uuid.uuid4().hex[:8]}"
        self._servers = []
        self._ip("netns", "add", self.name)
        self._thread = ThreadPoolExecutor(1, initializer=self._enter)
        self._ip("-n", self.name, "link", "set", "lo", "up")
        self._ip("-n", self.name, "address", "add", f"{self.OUTSIDE}/32", "dev", "lo")

    def close(self):
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._thread.shutdown()
        self._ip("netns", "delete", self.name)

    def start(self, argv, **keywords):
        return commands.start(["ip", "netns", "exec", self.name, *argv], **keywords)

    def add_address(self, address):
        self._ip("-n", self.name, "address", "add", f"{address}/32", "dev", "lo")

    def serve(self, port, name, certificate=""):
        """A server whose answers begin with `name`; returned so that a test can stop it.

        With a `certificate` it speaks TLS.
        """
        server = self._thread.submit(_Server, port, name).result()
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self._servers.append(server)
        return server

    def ask(
        self, port=80, path="/", *, headers=None, source="127.0.0.1", tls=None, method="GET", to="127.0.0.1"
    ):
        """One request on a fresh connection. Returns (status, headers, body)."""
        return self._thread.submit(self._ask, port, path, headers or {}, source, tls, method, to).result()

    def have(self, address):
        """From now on `address` is one of this machine's."""
        words = ["nodad"] if ":" in address else []
        self._ip("-n", self.name, "address", "add", address, "dev", "lo", *words)

    def connect(self, make):
        """Run `make()` inside the namespace: sockets it opens stay there."""
        return self._thread.submit(make).result()

    @staticmethod
    def _ask(port, path, headers, source, tls, method, to):  # noqa: PLR0917 - the thread takes them in order
        own = (source, 0) if ":" not in to else None
        connection = HTTPConnection(to, port, timeout=30, source_address=own)
        try:
            if tls:
                connection.connect()
                connection.sock = tls.wrap_socket(connection.sock, server_hostname="sni.invalid")
            connection.request(method, path, headers={"Host": "any.example", **headers})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    def _enter(self):
        with Path("/run/netns", self.name).open() as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    @staticmethod
    def _ip(*words):
        done = commands.run(["ip", *words])
        assert done.code == 0, done.message


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port, name):
        self.answer_name = name
        super().__init__(("127.0.0.1", port), _Answer)


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle(self):
        with contextlib.suppress(ConnectionError):
            super().handle()

    def do_GET(self):
        seen = [self.server.answer_name, self.path]
        seen += [
            f"{key}: {value}" for key, value in self.headers.items() if key.lower().startswith(("x-", "host"))
        ]
        body = "\n".join(seen).encode()
        self.send_response(200)
        if "X-Location" in self.headers:
            self.send_header("Location", self.headers["X-Location"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
