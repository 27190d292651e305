"""A slave and a neighbour on one wire, each in a network namespace; the slave's /etc is a copy."""

from __future__ import annotations

import base64
import ctypes
import json
import os
import shutil
import sys
import tempfile
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from appliance import commands

CLONE_NEWNET = 0x40000000
SETUP = Path(sys.executable).parent / "appliance-setup"
PRIVATE = 'mount --make-rprivate / && mount --bind "$0/etc-copy" /etc && exec "$@"'
LAID_BARE = (
    "import os, sys; from appliance.lab import disk; disk.lay_bare(); os.execvp(sys.argv[1], sys.argv[1:])"
)
INFO = {"name": "marathon", "version": "1.8.222", "leader": "m:8080"}


class Wire:
    """`slave` (10.78.0.1) and `neighbour` (10.78.0.2 and .3), and the processes and servers of a test."""

    def __init__(self, folder):
        self.folder = folder
        self.root = folder / "r"
        shutil.copytree("/etc", folder / "etc-copy", symlinks=True)
        name = uuid.uuid4().hex[:6]
        self.slave, self.neighbour = f"ts-{name}-a", f"ts-{name}-b"
        self._processes, self._servers = [], []
        for namespace in (self.slave, self.neighbour):
            ip("netns", "add", namespace)
            ip("-n", namespace, "link", "set", "lo", "up")
        link = ["link", "add", "wire0", "netns", self.slave, "type", "veth"]
        ip(*link, "peer", "name", "wire0", "netns", self.neighbour)
        for namespace, *addresses in ((self.slave, "1"), (self.neighbour, "2", "3")):
            for last in addresses:
                ip("-n", namespace, "address", "add", f"10.78.0.{last}/24", "dev", "wire0")
            ip("-n", namespace, "link", "set", "wire0", "up")

    def close(self):
        for process in reversed(self._processes):
            process.kill()
            process.wait()
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for namespace in (self.slave, self.neighbour):
            commands.run(["ip", "netns", "delete", namespace])

    def setup(self, *words, before=()):
        """Run appliance-setup on the slave, as its user would; no terminal."""
        return commands.run(self._inside([*before, SETUP, "--root", self.root, *words]), timeout_s=60)

    def setup_on_a_terminal(self, *words, answer):
        """The same, with `answer` typed on its terminal. Returns the exit code."""
        ours, theirs = os.openpty()
        try:
            argv = self._inside([SETUP, "--root", self.root, *words])
            process = commands.start(argv, stdin=theirs, stdout=commands.DEVNULL)
            os.write(ours, f"{answer}\n".encode())
            return process.wait(60)
        finally:
            os.close(ours)
            os.close(theirs)

    def _inside(self, argv):
        there = ["ip", "netns", "exec", self.slave, "unshare", "--mount"]
        bare = [sys.executable, "-c", LAID_BARE]  # wherever the checkout lies, the node's users reach it
        return [*there, "sh", "-c", PRIVATE, self.folder, *bare, *argv]

    def start(self, namespace, argv):
        process = commands.start(["ip", "netns", "exec", namespace, *argv], stdout=commands.DEVNULL)
        self._processes.append(process)
        return process

    def mac(self, namespace):
        said = commands.run(["ip", "-n", namespace, "-j", "link", "show", "wire0"]).output
        return json.loads(said)[0]["address"]

    def zookeeper(self, *hosts):
        file = self.root / "etc/mesos/zk"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"zk://{','.join(f'{host}:2181' for host in hosts)}/mesos\n")

    def serve(self, port, routes, *, login="", address="10.78.0.2"):
        """Answer `routes` (path -> JSON value, or text) in the neighbour's namespace."""
        made = []

        def make():
            with Path("/run/netns", self.neighbour).open() as file:
                if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            made.append(ThreadingHTTPServer((address, port), Answers))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        (server,) = made
        server.routes, server.login = routes, login
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self._servers.append(server)

    def tree(self):
        """Everything below the root, with times: equal only if nothing was touched."""
        return {path: path.lstat().st_mtime_ns for path in self.root.rglob("*")}


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        login = base64.b64encode(self.server.login.encode()).decode()
        answer = self.server.routes.get(self.path)
        if self.server.login and self.headers.get("Authorization") != f"Basic {login}":
            self._send(401, "<html>Unauthorized</html>")
        elif isinstance(answer, str) and answer.startswith("//"):
            self._send(307, "", location=answer)
        elif answer is None:
            self._send(404, "<html>no</html>")
        else:
            self._send(200, answer if isinstance(answer, str) else json.dumps(answer))

    def _send(self, status, body, **headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


def ip(*words):
    done = commands.run(["ip", *words])
    assert done.code == 0, done.message


@pytest.fixture
def wire(root):  # noqa: ARG001 - asks for root
    folder = Path(tempfile.mkdtemp(prefix="ts-", dir="/tmp"))
    folder.chmod(0o755)  # most programs of a node do not run as root
    made = None
    try:
        made = Wire(folder)
        made.root.mkdir()
        yield made
    finally:
        if made:
            made.close()
        shutil.rmtree(folder)


@pytest.fixture
def marathon(wire):
    """A Marathon on the neighbour; returns the flags that name it."""
    wire.serve(8080, {"/v2/info": INFO})
    return ("--marathon", "http://10.78.0.2:8080")
