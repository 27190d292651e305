"""What runs as a task: answers any HTTP request with who it is and what it was asked.

Started as a script and many at a time, so it imports little: `task.py ADDRESS APP TASK [PORT…]`.
A line on stdout says that every port is open. SIGTERM ends it with 0, idle connections first.
"""

from __future__ import annotations

import json
import selectors
import signal
import socket
import sys


def split(received: bytes) -> tuple[bytes | None, bytes]:
    """(head, rest) of the first complete request; head is None while it is incomplete."""
    head, end, rest = received.partition(b"\r\n\r\n")
    if not end:
        return None, received
    headers = head.lower()
    if b"\r\ntransfer-encoding: chunked" in headers:
        _, end, rest = (b"\r\n" + rest).partition(b"\r\n0\r\n\r\n")
        return (head, rest) if end else (None, received)
    _, _, length = headers.partition(b"\r\ncontent-length:")
    size = int(length.split(b"\r\n", 1)[0] or 0)
    return (head, rest[size:]) if len(rest) >= size else (None, received)


class Server:
    """One thread, so a request is answered whole or not at all."""

    def __init__(self, address: str, app: str, task: str) -> None:
        self._facts = {"app": app, "task": task, "host": address}
        self._selector = selectors.DefaultSelector()

    def listen(self, port: int) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((str(self._facts["host"]), port))
        listener.listen(1024)
        self._selector.register(listener, selectors.EVENT_READ, None)

    def serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    self._accept(key.fileobj)  # type: ignore[arg-type]
                else:
                    self._read(key.fileobj, key.data)  # type: ignore[arg-type]

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.settimeout(5)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(connection, selectors.EVENT_READ, bytearray())

    def _read(self, connection: socket.socket, received: bytearray) -> None:
        try:
            data = connection.recv(65536)
            received += data
            head, rest = split(bytes(received))
            while head is not None and data:
                received[:] = rest
                reply, keep = self._reply(head, connection.getsockname()[1])
                connection.sendall(reply)
                head, rest = split(bytes(received)) if keep else (None, b"")
                data = data if keep else b""
        except (OSError, ValueError):
            data = b""
        if not data:
            self._selector.unregister(connection)
            connection.close()

    def _reply(self, request: bytes, port: int) -> tuple[bytes, bool]:
        line, *fields = request.decode("latin-1").split("\r\n")
        method, path, version = line.split(" ")
        pairs = [field.split(":", 1) for field in fields]
        headers = {name.strip().title(): value.strip() for name, value in pairs}
        wish = headers.get("Connection", "").lower()
        keep = wish != "close" and (version == "HTTP/1.1" or wish == "keep-alive")
        asked = {"method": method, "path": path, "headers": headers}
        body = json.dumps({**self._facts, "port": port, **asked}).encode() + b"\n"
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: {'keep-alive' if keep else 'close'}\r\n"
            f"X-App: {self._facts['app']}\r\nX-Task: {self._facts['task']}\r\n\r\n"
        ).encode()
        return head if method == "HEAD" else head + body, keep


def main() -> None:
    address, app, task, *ports = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = Server(address, app, task)
    try:
        for port in ports:
            server.listen(int(port))
    except OSError as error:
        sys.exit(f"{task} cannot listen on {address} at {', '.join(ports)}: {error}")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    server.serve()


if __name__ == "__main__":
    main()
