"""`appliance-lb run`: HAProxy and its generator together, as marathon-lb's image runs them."""

from __future__ import annotations

import logging
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import commands, files
from appliance.errors import EngineError, ForbiddenError

if TYPE_CHECKING:
    from appliance.haproxy.model import Process
    from appliance.programs.environment import Environment

log = logging.getLogger(__name__)
FOLDER = "appliance-lb"
CERTIFICATES = Path("/etc/ssl")
RESTART_PAUSE_S = 1.0
FINISH_S = 2.0
"""For requests that run when we are told to stop: Mesos kills after three seconds."""
_ENDING = ((signal.SIGUSR1, FINISH_S), (signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0))


def make_folder(folder: Path) -> None:
    """Where configuration, sockets and certificates lie. Others may pass through it, not read it."""
    try:
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    except OSError as error:
        raise ForbiddenError(f"{folder} cannot be created: {error.strerror}") from None


def tune(environment: Environment) -> None:
    """Set the kernel's parameters. Raises EngineError unless a failure was allowed."""
    if not environment.sysctl:
        return
    done = commands.run(["sysctl", "-w", *environment.sysctl])
    if done.code == 0:
        return
    complaint = f"HAPROXY_SYSCTL_PARAMS: {done.message}"
    if not environment.sysctl_may_fail:
        raise EngineError(f"{complaint}; HAPROXY_SYSCTL_NONSTRICT=1 would go on")
    log.warning("%s", complaint)


class Certificates:
    """The environment's certificates as files where labels may name them, as long as this runs."""

    def __init__(self, environment: Environment, own: Path, shared: Path = CERTIFICATES) -> None:
        """A file in `shared` that is somebody else's is never touched: then ours lies in `own`."""
        self.paths: list[str] = []
        self._created: list[Path] = []
        for name, text in environment.certificates:
            self.paths.append(str(self._put(shared / name, own / name, text)))

    def remove(self) -> None:
        for path in self._created:
            path.unlink(missing_ok=True)

    def _put(self, shared: Path, own: Path, text: str) -> Path:
        try:
            if files.read(shared) != text:
                handle = os.open(shared, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(text)
        except (OSError, UnicodeDecodeError) as error:
            log.warning("%s is left as it is (%s): the certificate lies in %s", shared, error, own)
            own.parent.mkdir(mode=0o700, exist_ok=True)
            files.replace(own, text, mode=0o600)
            shared = own
        self._created.append(shared)
        return shared


class Haproxy:
    """A child that is started again when it dies, from `start` until `stop`."""

    def __init__(self, config: Path, process: Process) -> None:
        self._config = config
        self._master = Path(process.socket).with_name("master.sock")
        self._child: commands.Process[bytes] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="haproxy", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Listen no more, finish what runs, end."""
        self._stop.set()
        child = self._child
        if child is not None:
            for number, patience_s in _ENDING:
                child.send_signal(number)
                self._thread.join(patience_s)
                if not self._thread.is_alive():
                    break
        self._thread.join(1.0)

    def _run(self) -> None:
        """This thread lives as long as the program, so HAProxy's parent-death signal means the program's."""
        haproxy = [commands.find("haproxy"), "-W", "-db", "-S", f"{self._master},level,admin"]
        while not self._stop.is_set():
            argv = [*haproxy, "-f", str(self._config)]
            self._child = commands.start(["setpriv", "--pdeathsig", "TERM", "--", *argv], new_session=True)
            code = self._child.wait()
            if not self._stop.is_set():
                log.error("HAProxy ended with exit code %d: it is started again", code)
                self._stop.wait(RESTART_PAUSE_S)
