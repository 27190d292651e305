"""One node in namespaces: `appliance-lb sse` as supervisord runs it, its HAProxy, a Marathon with events."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
import tempfile
import time
from pathlib import Path

from netns import Namespace
from real_haproxy import answered
from small_marathon import SmallMarathon

from appliance import commands, files
from appliance.cli.appliance import main
from appliance.haproxy.render import own_hash
from appliance.paths import Paths
from appliance.settings import Cluster, Marathon, Node, Settings, Vip, render

BIN = Path(sys.executable).parent


class Marathon8080(SmallMarathon):
    def __init__(self):
        super().__init__(8080)

    def serves(self, *ports):
        labels = {"HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": "web.example"}
        self.runs("/web", *ports, labels=labels)


class OneNode:
    """Its programs have a mount namespace of their own: a test sees what lies under what it mounts there."""

    def __init__(self):
        self.namespace = Namespace()
        self.running = []
        self.root = Path(tempfile.mkdtemp(prefix="th-", dir="/tmp"))
        self.paths = Paths(self.root)
        for folder in (self.paths.etc, self.paths.lb_run, self.paths.haproxy, self.paths.log):
            folder.mkdir(parents=True)
        toml = render(
            Settings(
                Vip("10.77.0.250", "eth0", 250),
                Cluster("10.77.0.237", (Node("slave-1", "10.77.0.237"),)),
                Marathon(("http://127.0.0.1:9", "http://127.0.0.1:8080")),
            )
        )
        self.paths.settings.write_text(toml)
        self.marathon = self.namespace.connect(Marathon8080)
        self.machine = self.namespace.start(["sleep", "infinity"])
        self.running.append(self.machine)

    def boot(self):
        """All runs, and the task at 31002 is served in the place of that at 31001."""
        for port in (31001, 31002, 31003):
            self.namespace.serve(port, str(port))
        self.marathon.serves(31001)
        self.generator = self.start_generator()
        self.until(self.configured)
        self.haproxy = self.start_haproxy()
        self.until(lambda: self.served_by() == "31001" and self.report()["marathon"]["connected"])
        self.serves(31002)

    def configured(self):
        """Marathon's first answer is in the file: its maps are not replaced while HAProxy starts."""
        return "127.0.0.1:31001" in (files.read(self.paths.haproxy_cfg) or "")

    def inside(self, path):
        """`path` as the node's programs see it."""
        return Path(f"/proc/{self.machine.pid}/root{path}")

    def mount(self, *words):
        done = commands.run([*self._in, "mount", *words])
        assert done.code == 0, done.message

    @property
    def _in(self):
        return ["nsenter", "-t", str(self.machine.pid), "--mount", "--net"]

    def start_haproxy(self):
        socket = f"{self.paths.haproxy_master_socket},level,admin"
        return self._start(["haproxy", "-W", "-db", "-S", socket, "-f", self.paths.haproxy_cfg])

    def start_generator(self):
        return self._start([BIN / "appliance-lb", "sse", "--root", self.root])

    def _start(self, argv):
        self.until(lambda: Path(f"/proc/{self.machine.pid}/comm").read_text() == "sleep\n")
        with (self.root / "log").open("ab") as log:
            process = commands.start([*self._in, *argv], stdout=log, stderr=commands.STDOUT)
        self.running.append(process)
        return process

    def appliance(self, *words):
        """The operator's command: its exit code, what it said, its errors."""
        said, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
            code = main(["--root", str(self.root), *words])
        return code, said.getvalue(), errors.getvalue()

    def report(self):
        return files.report(self.paths.lb_report)

    def log(self):
        return files.read(self.root / "log")

    def kill(self, process):
        process.kill()
        process.wait(40)

    def until(self, true, timeout_s=60):
        deadline = time.monotonic() + timeout_s
        while not answered(true):
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.01)

    def served_by(self):
        """The port of the task that answers, a status, or 0 if nobody listens."""
        try:
            status, _, body = self.namespace.ask(headers={"Host": "web.example"})
        except ConnectionError:
            return 0
        return body.split()[0] if status == 200 else status

    def moves_to(self, port):
        """Marathon runs the app's task there now, and so it is served."""
        self.marathon.serves(port)
        self.marathon.touched("/web")
        self.until(lambda: self.served_by() == str(port))

    def serves(self, port):
        """The same, and the generator has done and said all about it."""
        self.moves_to(port)
        self.until(lambda: self.report()["hash"] == own_hash(self.paths.haproxy_cfg.read_text()))

    def close(self):
        for process in reversed(self.running):
            process.terminate()
            process.wait(40)
        self.marathon.close()
        self.namespace.close()
        shutil.rmtree(self.root)
