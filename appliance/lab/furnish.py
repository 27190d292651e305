"""What lies on a fresh slave: its name, the cluster's hosts, Mesos' own files, systemctl."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any


def furnish(name: str, lab: dict[str, Any], *, first_boot: bool) -> None:
    """Name this machine `name`; at the first boot write its files. `lab` is what `lab up` decided."""
    socket.sethostname(name)
    Path("/run/systemd/system").mkdir(parents=True)
    if not first_boot:
        return
    hosts = [f"{machine['address']}\t{machine['name']}\n" for machine in lab["machines"]]
    _write(Path("/etc/hostname"), f"{name}\n")
    _write(Path("/etc/hosts"), "127.0.0.1\tlocalhost\n" + "".join(hosts))
    _write(Path("/etc/resolv.conf"), "# no name server in the lab\n")
    _write(Path("/etc/mesos/zk"), f"zk://{lab['master']}:2181/mesos\n")
    python = Path(sys.prefix) / "bin/python"
    _write(
        Path("/usr/bin/systemctl"), f'#!/bin/sh\nexec {python} -I -m appliance.lab.systemctl "$@"\n', 0o755
    )


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    """Anew, so that neither a link nor this machine's own file is written through."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
