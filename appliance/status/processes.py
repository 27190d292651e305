"""The programs that supervisord runs, with their memory: asked on its socket and read in /proc."""

from __future__ import annotations

import contextlib
import http.client
import os
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from appliance.status.apps import UnixConnection

PATIENCE_S = 1.0
_CALL = xmlrpc.client.dumps((), "supervisor.getAllProcessInfo")
_RUNNING = "RUNNING"
_PAGE = os.sysconf("SC_PAGE_SIZE")
PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    name: str
    """As supervisord calls it, without its group."""
    runs: bool
    started_at: float = 0.0
    """Unix seconds."""
    memory: int = 0
    """Bytes in memory, its children's too, what they share counted for each; 0: not known."""


def running(socket: Path, proc: Path = PROC) -> tuple[Process, ...]:
    """None where no supervisord answers."""
    connection = UnixConnection(str(socket), timeout=PATIENCE_S)
    try:
        connection.request("POST", "/RPC2", _CALL, {"Content-Type": "text/xml"})
        infos: Any = xmlrpc.client.loads(connection.getresponse().read())[0][0]
        return tuple(_process(info, proc) for info in infos)
    except (
        OSError,
        http.client.HTTPException,
        xmlrpc.client.Error,
        ValueError,
        TypeError,
        LookupError,
        ExpatError,
    ):
        return ()
    finally:
        connection.close()


def _process(info: Any, proc: Path) -> Process:
    runs = info["statename"] == _RUNNING
    return Process(info["name"], runs, float(info["start"]), memory(int(info["pid"]), proc) if runs else 0)


def memory(pid: int, proc: Path = PROC) -> int:
    """Resident bytes of it and its descendants, where the kernel lists them; 0 for one that is gone."""
    try:
        pages = int((proc / str(pid) / "statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    children = ""
    with contextlib.suppress(OSError):
        children = (proc / str(pid) / "task" / str(pid) / "children").read_text()
    return pages * _PAGE + sum(memory(int(child), proc) for child in children.split())
