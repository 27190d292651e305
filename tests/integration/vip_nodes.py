"""Three nodes in network namespaces: real HAProxy and keepalived, our programs, no supervisord.

Each node has a root of its own. A bridge in a namespace of its own joins them with a client.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

from appliance import commands, files, templating
from appliance.haproxy.model import PROBE_HOST, PROBE_PATH
from appliance.health import reports
from appliance.keepalived import service
from appliance.paths import Paths

VIP = "10.77.0.250"
CLIENT = "10.77.0.10"
ADDRESSES = ("10.77.0.237", "10.77.0.238", "10.77.0.239")

HAPROXY = """\
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
frontend http
  bind *:80
  acl probe_host hdr(host) {host}
  http-request return status 200 content-type text/plain string ok if probe_host {{ path {path} }}
  http-request return status 200 content-type text/plain string {name}
"""


def ip(*words: str, namespace: str = "") -> None:
    argv = ["ip", *(["-n", namespace] if namespace else []), *words]
    done = commands.run(argv)
    assert done.code == 0, f"{argv}: {done.errors}"


def until(happened, deadline_s: float = 10.0, what: str = "") -> float:
    """Wait for a condition; how long it took, in seconds."""
    started = time.monotonic()
    while not happened():
        assert time.monotonic() - started < deadline_s, f"not within {deadline_s} s: {what or happened}"
        time.sleep(0.005)
    return time.monotonic() - started


class Node:
    """One node: a namespace, a root folder and its processes by name."""

    def __init__(self, namespace: str, name: str, address: str, top: Path) -> None:
        self.namespace, self.name, self.address = namespace, name, address
        self.paths = Paths(top / name)
        self.processes: dict[str, commands.Process[bytes]] = {}
        self.folder = top

    def prepare(self, nodes: list[Node], more: str = "") -> None:
        paths = self.paths
        folders = (paths.etc, paths.lb_run, paths.health_run, paths.keepalived_run, paths.state, paths.log)
        for folder in (*folders, paths.bin):
            folder.mkdir(parents=True)
        listed = ", ".join(f'{{ name = "{node.name}", address = "{node.address}" }}' for node in nodes)
        paths.settings.write_text(
            f'[vip]\naddress = "{VIP}"\ninterface = "eth0"\nvirtual_router_id = 250\n'
            f'[cluster]\naddress = "{self.address}"\nnodes = [{listed}]\n'
            f'[marathon]\nurls = ["http://10.77.0.233:8080"]\n{more}'
        )
        config = HAPROXY.format(host=PROBE_HOST, path=PROBE_PATH, name=self.name)
        (paths.run / "haproxy.cfg").write_text(config)
        for script in ("keepalived-run", "notify"):
            daemon = commands.find("keepalived")
            text = templating.render(f"keepalived/{script}.sh.j2", paths=paths, keepalived=daemon)
            (paths.bin / script).write_text(text)
            (paths.bin / script).chmod(0o755)
        self.lb_reports("marathon")

    def lb_reports(self, picture: str, **more: object) -> None:
        """As the generator says it; it stays young for an hour, as no generator writes it again."""
        files.publish(self.paths.lb_report, {"picture": picture, "applied": True, "apps": 2, **more})
        later = time.time() + 3600
        os.utime(self.paths.lb_report, (later, later))

    def start(self, name: str) -> None:
        paths = self.paths
        argv = {
            "haproxy": [
                "haproxy",
                "-W",
                "-db",
                "-S",
                paths.haproxy_master_socket,
                "-f",
                paths.run / "haproxy.cfg",
            ],
            "keepalived": [paths.bin / "keepalived-run"],
        }.get(name, [sys.executable, "-m", "appliance.cli.appliance", "--root", paths.root, "run", name])
        with (paths.log / f"{name}.log").open("ab") as log:
            self.processes[name] = commands.start(
                ["ip", "netns", "exec", self.namespace, *argv], stdout=log, stderr=log, new_session=True
            )

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        self.processes[name].send_signal(number)

    def kill_all(self, name: str, number: int) -> None:
        """The process and its children, HAProxy's workers for example."""
        os.killpg(self.processes[name].pid, number)

    def end(self, name: str) -> None:
        """Orderly, then by force; also what a killed parent left in its session."""
        process = self.processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGCONT)
            process.terminate()
            with contextlib.suppress(Exception):
                process.wait(5)
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)

    def appliance(self, *words: str) -> commands.Completed:
        argv = [sys.executable, "-m", "appliance.cli.appliance", "--root", self.paths.root, *words]
        return commands.run(["ip", "netns", "exec", self.namespace, *argv], timeout_s=30)

    @property
    def holds(self) -> bool:
        return self.has(VIP)

    def has(self, vip: str) -> bool:
        return (
            f" {vip}/"
            in commands.run(["ip", "-n", self.namespace, "-o", "addr", "show", "dev", "eth0"]).output
        )

    @property
    def weight(self) -> int | None:
        return reports.weight(self.paths)

    def events(self, kind: str = "") -> list[str]:
        """What the node recorded, oldest first."""
        events = map(json.loads, (files.read(self.paths.events) or "").splitlines())
        return [event["message"] for event in events if kind in ("", event["kind"])]


class Client(threading.Thread):
    """Asks the VIP over a fresh connection each 10 ms, inside the client's namespace.

    Its patience ends before TCP sends a lost SYN again after 1 s: a lost packet is a failed request.
    """

    def __init__(self, namespace: str) -> None:
        super().__init__(daemon=True)
        self._namespace = namespace
        self.stopped = threading.Event()
        self.good: list[tuple[float, str]] = []
        self.failed: list[tuple[float, str]] = []

    def run(self) -> None:
        enter(self._namespace)
        while not self.stopped.is_set():
            started = time.monotonic()
            try:
                with socket.create_connection((VIP, 80), timeout=0.9) as connection:
                    connection.sendall(b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
                    answer = b"".join(iter(lambda: connection.recv(4096), b""))
                assert answer.startswith(b"HTTP/1.1 200"), answer
                self.good.append((started, answer.rpartition(b"\r\n")[2].decode()))
            except (OSError, AssertionError) as error:
                self.failed.append((started, repr(error)))
            self.stopped.wait(max(0.01 - (time.monotonic() - started), 0))


@contextlib.contextmanager
def client_of(namespace: str):
    """A client that asks while the block runs."""
    client = Client(namespace)
    client.start()
    try:
        until(lambda: client.good, what="the VIP's first answer")
        yield client
    finally:
        client.stopped.set()
        client.join()


def enter(namespace: str) -> None:
    """Move this thread into a network namespace (setns, Linux only)."""
    import ctypes

    with Path(f"/run/netns/{namespace}").open() as file:
        assert ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0x40000000) == 0


@contextlib.contextmanager
def cluster(*, peers: bool = True, more: str = ""):
    """Three nodes with nothing started, and a client's namespace. `more` ends each node's settings."""
    prefix = f"tk{uuid.uuid4().hex[:5]}"
    top = Path(tempfile.mkdtemp(prefix="tk", dir="/tmp"))
    bridge, client = f"{prefix}-br", f"{prefix}-c"
    nodes = [Node(f"{prefix}-{n}", f"slave-{n}", address, top) for n, address in enumerate(ADDRESSES, 1)]
    try:
        ip("netns", "add", bridge)
        ip("link", "add", "br0", "type", "bridge", namespace=bridge)
        ip("link", "set", "br0", "up", namespace=bridge)
        for namespace, address in [*((n.namespace, n.address) for n in nodes), (client, CLIENT)]:
            ip("netns", "add", namespace)
            ip("link", "set", "lo", "up", namespace=namespace)
            port = f"p{namespace}"
            peer = ("peer", "name", port, "netns", bridge)
            ip("link", "add", "eth0", "type", "veth", *peer, namespace=namespace)
            ip("link", "set", port, "master", "br0", "up", namespace=bridge)
            ip("addr", "add", f"{address}/24", "dev", "eth0", namespace=namespace)
            ip("link", "set", "eth0", "up", namespace=namespace)
        for node in nodes:
            node.prepare(nodes if peers else [node], more)
        yield nodes, client
    finally:
        for node in nodes:
            for name in list(node.processes):
                node.end(name)
            left = service.pid(node.paths)
            if left:
                os.kill(left, signal.SIGKILL)
        for namespace in (bridge, client, *(node.namespace for node in nodes)):
            commands.run(["ip", "netns", "del", namespace])
        shutil.rmtree(top, ignore_errors=True)
