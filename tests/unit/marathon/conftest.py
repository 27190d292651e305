"""A server of raw bytes: what it sends is exactly what the test wrote."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

TLS = b"\x16"
"""First byte of a TLS handshake."""


class RawServer:
    """Answers each connection with the next script; the last one repeats. `requests` are the heads it got.

    A script is called with the connected socket once the request's head has been read.
    """

    def __init__(self, *scripts, tls=None):
        self._scripts = list(scripts)
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.requests = []
        self.closing = threading.Event()
        self._open = set()
        self._threads = []
        self._spawn(self._accept)

    def _spawn(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
                self._open.add(connection)
                self._spawn(self._serve, connection, script)

    def _serve(self, accepted, script):
        with contextlib.suppress(OSError), self._speaking(accepted) as connection:
            head = b""
            while b"\r\n\r\n" not in head and not head.startswith(TLS):
                part = connection.recv(65536)
                if not part:
                    return
                head += part
            self.requests.append(head.decode("latin-1"))
            script(connection)

    def _speaking(self, accepted):
        return self._tls.wrap_socket(accepted, server_side=True) if self._tls else accepted

    def close(self):
        self.closing.set()
        for connection in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=5)


@pytest.fixture
def serve():
    """Start a RawServer with these scripts; a bytes script is sent as it is."""
    servers = []

    def start(*scripts, tls=None):
        plain = [script if callable(script) else sending(script) for script in scripts]
        servers.append(RawServer(*plain, tls=tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def sending(data):
    return lambda connection: connection.sendall(data)


@pytest.fixture
def closed_port():
    """The URL of a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}"
