"""What this machine has for us: memory and processors."""

from __future__ import annotations

import os
from pathlib import Path

from appliance import files

CGROUPS = Path("/sys/fs/cgroup")


def cores() -> int:
    """Processors that this process may run on."""
    return len(os.sched_getaffinity(0))


def memory(own: Path = Path("/proc/self/cgroup"), cgroups: Path = CGROUPS) -> int:
    """Bytes of the machine, or of the narrowest control group (v2) around this process."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    group = next((line[3:] for line in (files.read(own) or "").splitlines() if line.startswith("0::")), "")
    folder = cgroups / group.lstrip("/")
    limits = [
        _limit(place / "memory.max")
        for place in (folder, *folder.parents)
        if cgroups in (place, *place.parents)
    ]
    return min([physical, *filter(None, limits)])


def _limit(path: Path) -> int:
    """0: none is set, or it cannot be read."""
    try:
        text = (files.read(path) or "").strip()
    except OSError:
        return 0
    return int(text) if text.isdecimal() else 0
