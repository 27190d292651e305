"""A machine of its own for each process that runs tests: its own network, mounts and `/run`."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from appliance import commands

_CLONE_NEWNS = 0x00020000
_CLONE_NEWNET = 0x40000000
_MS_REC_PRIVATE = 0x4000 | 1 << 18
_MNT_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


def enter() -> None:
    """Leave this machine's network, mounts and /run for fresh ones, which end with this process (unshare(2)).

    Raises OSError where the kernel does not allow it.
    """
    _checked(_libc.unshare(_CLONE_NEWNS | _CLONE_NEWNET))
    _checked(_libc.mount(b"none", b"/", None, _MS_REC_PRIVATE, None))
    _libc.umount2(b"/run/netns", _MNT_DETACH)
    _checked(_libc.mount(b"tmpfs", b"/run", b"tmpfs", 0, b"mode=755"))
    Path("/run/lock").mkdir()
    done = commands.run(["ip", "link", "set", "lo", "up"])
    if done.code:
        raise OSError(done.message)


def _checked(code: int) -> None:
    if code:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
