"""PID 1 of a node, in systemd's place: `python -m appliance.lab.init NAME FOLDER`.

It mounts the node's own folders, starts the enabled services, restarts those that end, reaps orphans, and
does what the node's `systemctl` asks for.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import sys
import time
from pathlib import Path

from appliance.errors import ApplianceError
from appliance.lab import disk, furnish
from appliance.lab.children import Children
from appliance.lab.service import Service, unit_file
from appliance.lab.systemctl import SOCKET, WANTS

_LOOK_S = 0.5


class Init:
    def __init__(self) -> None:
        self._children = Children()
        self._services: dict[str, Service] = {}

    def boot(self) -> None:
        """Start what is enabled."""
        for link in sorted(WANTS.iterdir()) if WANTS.is_dir() else []:
            self._service(link.name).begin()

    def serve(self) -> None:
        """Do what PID 1 does, for ever."""
        asked = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        asked.bind(str(SOCKET))
        asked.listen()
        with selectors.DefaultSelector() as selector:
            selector.register(asked, selectors.EVENT_READ)
            selector.register(_child_signals(), selectors.EVENT_READ)
            while True:
                for key, _ in selector.select(self._pause_s()):
                    if key.fileobj is asked:
                        self._answer(asked.accept()[0])
                    else:
                        os.read(key.fd, 4096)
                self._children.reap()
                for service in list(self._services.values()):
                    service.tend(time.monotonic())

    def _pause_s(self) -> float:
        due = [service.restart_at for service in self._services.values() if service.restart_at is not None]
        return max(0.0, min([at - time.monotonic() for at in due] + [_LOOK_S]))

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rw") as lines:
            connection.settimeout(5)
            try:
                request = json.loads(lines.readline())
                code, text = self._do(request["verb"], request["unit"])
            except (OSError, ValueError, KeyError) as error:
                print(f"systemctl: {error}", flush=True)
                return
            except ApplianceError as error:
                code, text = 1, str(error)
            try:
                lines.write(json.dumps({"code": code, "text": text}) + "\n")
                lines.flush()
            except OSError as error:
                print(f"systemctl: {error}", flush=True)

    def _do(self, verb: str, name: str) -> tuple[int, str]:
        service = self._service(name)
        if verb == "is-active":
            state = "activating" if service.restart_at is not None else "inactive"
            return (0, "active") if service.active else (3, state)
        if verb != "start" and name not in self._services and unit_file(name) is None:
            return 5, f"Unit {name} not loaded."
        if verb in ("stop", "restart"):
            service.stop()
        if verb in ("start", "restart"):
            service.start()
        return 0, ""

    def _service(self, name: str) -> Service:
        return self._services.setdefault(name, Service(name, self._children))


def _child_signals() -> int:
    """A descriptor that becomes readable whenever a child ends."""
    readable, writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return readable


def main() -> int:
    name, folder = sys.argv[1], Path(sys.argv[2])
    try:
        lab = json.loads((folder / "lab.json").read_text(encoding="utf-8"))
        first_boot = disk.mount(folder / "disks" / name)
        furnish.furnish(name, lab, first_boot=first_boot)
    except (ApplianceError, OSError) as error:
        print(f"{name} does not boot: {error}", flush=True)
        return 1
    init = Init()
    init.boot()
    print(f"{name} is up", flush=True)
    init.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
