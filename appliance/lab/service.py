"""One service of a node, run as systemd runs it: restarted when it ends, ended with all it started."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import commands
from appliance.errors import ApplianceError
from appliance.lab import unit as units
from appliance.lab.children import mark

if TYPE_CHECKING:
    from appliance.lab.children import Children
    from appliance.lab.unit import Command, Unit

FOLDERS = (Path("/etc/systemd/system"), Path("/run/systemd/system"), Path("/usr/lib/systemd/system"))
"""Where unit files lie, the first one found counts."""


def unit_file(name: str) -> Path | None:
    return next((folder / name for folder in FOLDERS if os.path.lexists(folder / name)), None)


def read(name: str) -> Unit:
    """The unit called `name`. Raises ApplianceError in systemd's words."""
    path = unit_file(name)
    if path is None:
        raise ApplianceError(f"Unit {name} not found.")
    if path.resolve() == Path(os.devnull):
        raise ApplianceError(f"Unit {name} is masked.")
    try:
        return units.parse(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ApplianceError(f"Unit {name} has a bad unit file setting: {error}") from None


class Service:
    """A service by its unit's name; the unit file is read at each start."""

    def __init__(self, name: str, children: Children) -> None:
        self.name = name
        self.restart_at: float | None = None
        self._children = children
        self._pid: int | None = None
        self._unit: Unit | None = None
        self._mark = ""

    @property
    def active(self) -> bool:
        return self._pid is not None

    def start(self) -> None:
        """Start it unless it runs. Raises ApplianceError."""
        if self.active:
            return
        self.restart_at = None
        unit = self._unit = read(self.name)
        self._mark = uuid.uuid4().hex
        for folder in unit.folders:
            Path(folder).mkdir(mode=0o755, parents=True, exist_ok=True)
        for command in unit.before:
            if not self._run(command, unit, unit.start_timeout_s):
                self._clear(unit)
                raise ApplianceError(f"{self.name}: ExecStartPre={' '.join(command.argv)} failed")
        self._pid = self._spawn(unit.start, unit)

    def stop(self) -> None:
        """Stop it with all it started; nothing happens if it does not run."""
        self.restart_at = None
        if self._pid is None or self._unit is None:
            return
        for command in self._unit.stop:
            self._run(command, self._unit, self._unit.stop_timeout_s, main_pid=self._pid)
        pid, self._pid = self._pid, None
        self._clear(self._unit)
        self._children.status(pid)

    def tend(self, now: float) -> None:
        """Clear up after a main process that ended by itself; start again when it is time."""
        if self._pid is not None and self._unit is not None:
            status = self._children.status(self._pid)
            if status is not None:
                self._pid = None
                self._clear(self._unit)
                if units.restarts(self._unit, status):
                    self.restart_at = time.monotonic() + self._unit.restart_delay_s
        elif self.restart_at is not None and now >= self.restart_at:
            self.begin()

    def begin(self) -> None:
        """Start it; a failure is printed, and tried again if the unit says so."""
        try:
            self.start()
        except ApplianceError as error:
            print(error, flush=True)
            if self._unit is not None and units.restarts(self._unit, 1):
                self.restart_at = time.monotonic() + self._unit.restart_delay_s

    def _clear(self, unit: Unit) -> None:
        """KillMode=control-group, then ExecStopPost."""
        self._children.end(self._mark, unit.stop_timeout_s)
        for command in unit.after:
            self._run(command, unit, unit.stop_timeout_s)

    def _run(self, command: Command, unit: Unit, timeout_s: float, main_pid: int | None = None) -> bool:
        status = self._children.wait(self._spawn(command, unit, main_pid), timeout_s)
        return status == 0 or command.may_fail

    def _spawn(self, command: Command, unit: Unit, main_pid: int | None = None) -> int:
        environment = {
            "PATH": commands.SYSTEM_PATH,
            "LANG": "C.UTF-8",
            **({"MAINPID": str(main_pid)} if main_pid else {}),
            **dict(unit.environment),
            **mark(self._mark),
        }
        log = Path("/var/log") / f"{self.name}.log"
        try:
            return self._children.start(command.argv, environment, log=log, open_files=unit.open_files)
        except OSError as error:
            raise ApplianceError(f"{self.name}: {command.argv[0]}: {error.strerror}") from None
