"""The node's `systemctl`: as much of it as a service's setup needs.

Enabling and masking are links below /etc/systemd/system, as with systemd; the rest is asked of PID 1.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

SOCKET = Path("/run/mha-init.sock")
SYSTEM = Path("/etc/systemd/system")
WANTS = SYSTEM / "multi-user.target.wants"
_PACKAGED = Path("/usr/lib/systemd/system")

_ASKED = ("start", "stop", "restart", "is-active")
_LINKED = ("enable", "disable", "mask", "unmask", "is-enabled")


class Links:
    """What is enabled and masked, as links below `system`; packages bring their units to `packaged`."""

    def __init__(self, system: Path = SYSTEM, packaged: Path = _PACKAGED) -> None:
        self._system = system
        self._packaged = packaged

    def enable(self, name: str) -> None:
        """Raises FileNotFoundError when there is no such unit."""
        unit = next((f / name for f in (self._system, self._packaged) if (f / name).exists()), None)
        if unit is None:
            raise FileNotFoundError(f"Failed to enable unit: Unit file {name} does not exist.")
        self._wants(name).parent.mkdir(parents=True, exist_ok=True)
        self._wants(name).unlink(missing_ok=True)
        self._wants(name).symlink_to(unit)

    def disable(self, name: str) -> None:
        self._wants(name).unlink(missing_ok=True)

    def mask(self, name: str) -> None:
        """Raises FileExistsError when the unit's file stands where the link belongs."""
        link = self._system / name
        if not self.masked(name):
            link.symlink_to(os.devnull)

    def unmask(self, name: str) -> None:
        if self.masked(name):
            (self._system / name).unlink()

    def masked(self, name: str) -> bool:
        link = self._system / name
        return link.is_symlink() and str(link.readlink()) == os.devnull

    def enabled(self, name: str) -> bool:
        return self._wants(name).is_symlink()

    def _wants(self, name: str) -> Path:
        return self._system / WANTS.name / name


def ask(verb: str, name: str) -> tuple[int, str]:
    """Let PID 1 do `verb`. Returns exit code and text for the user."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(SOCKET))
        with connection.makefile("rw") as lines:
            lines.write(json.dumps({"verb": verb, "unit": name}) + "\n")
            lines.flush()
            answer = json.loads(lines.readline())
    return answer["code"], answer["text"]


def link(links: Links, verb: str, name: str) -> tuple[int, str]:
    """Do one of the verbs that only change or read links."""
    if verb == "is-enabled":
        if links.masked(name):
            return 1, "masked"
        return (0, "enabled") if links.enabled(name) else (1, "disabled")
    try:
        getattr(links, verb)(name)
    except OSError as error:
        return 1, str(error)
    return 0, ""


def main(argv: list[str]) -> int:
    options = {word for word in argv if word.startswith("-")}
    words = [word for word in argv if word not in options]
    if not words or words[0] not in (*_ASKED, *_LINKED, "daemon-reload"):
        print(f"the lab's systemctl knows {', '.join((*_ASKED, *_LINKED, 'daemon-reload'))}", file=sys.stderr)
        return 64
    verb, names = words[0], [word if "." in word else f"{word}.service" for word in words[1:]]
    worst = 0
    for name in names if verb != "daemon-reload" else []:
        for step in _steps(verb, now="--now" in options):
            code, text = ask(step, name) if step in _ASKED else link(Links(), step, name)
            if text and not ("-q" in options or "--quiet" in options):
                print(text, file=sys.stdout if verb.startswith("is-") else sys.stderr)
            worst = worst or (0 if verb != step and code == 5 else code)
    return worst


def _steps(verb: str, *, now: bool) -> list[str]:
    """`--now` also starts what is enabled, and stops what is disabled or masked."""
    if not now or verb not in ("enable", "disable", "mask"):
        return [verb]
    return [verb, "start"] if verb == "enable" else [verb, "stop"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
