"""A real HAProxy in a namespace, run as supervisord runs it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from pathlib import Path

from appliance import commands
from appliance.errors import EngineError
from appliance.haproxy import certificates
from appliance.haproxy.model import LoadBalancer, Process
from appliance.haproxy.reload import MasterReload
from appliance.haproxy.render import render
from appliance.haproxy.service import Service


def answered(true):
    with contextlib.suppress(EngineError):
        return true()
    return False


class Haproxy:
    def __init__(self, namespace):
        self.namespace = namespace
        self.folder = Path(tempfile.mkdtemp(prefix="th-", dir="/tmp"))
        certificate, _ = certificates.self_signed(self.folder)
        self.process = Process(
            folder=str(self.folder),
            socket=str(self.folder / "haproxy.sock"),
            generator_socket=str(self.folder / "lb.sock"),
            file_descriptors=4000,
            certificates=(certificate,),
        )
        self.master = self.folder / "master.sock"
        self.config = self.folder / "haproxy.cfg"
        self.log = self.folder / "log"
        self.service = Service(self.config, self.process, MasterReload(self.master))
        self.running = None

    def start(self, load_balancer=None):
        if load_balancer is not None:
            self.service.place(render(load_balancer, self.process))
        with self.log.open("ab") as log:
            self.running = self.namespace.start(
                ["haproxy", "-W", "-db", "-S", f"{self.master},level,admin", "-f", self.config],
                stdout=log,
                stderr=commands.STDOUT,
            )
        self.until(lambda: self.service.running() == self.service.structure_on_disk())

    def apply(self, load_balancer: LoadBalancer):
        self.service.apply(render(load_balancer, self.process))

    def until(self, true, timeout_s=40):
        """A HAProxy that is just reloading may not answer: that is no answer yet."""
        deadline = time.monotonic() + timeout_s
        while not answered(true):
            assert time.monotonic() < deadline, self.log.read_text()
            assert self.running is None or self.running.poll() is None, self.log.read_text()
            time.sleep(0.02)

    def crash(self):
        self.running.kill()
        self.running.wait(30)
        self.running = None

    def stop(self):
        if self.running is not None:
            self.running.terminate()
            self.running.wait(30)
            self.running = None

    def close(self):
        self.stop()
        shutil.rmtree(self.folder)
