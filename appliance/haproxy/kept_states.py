"""What a reload may not forget: servers that HAProxy found down, and those that somebody drained or stopped.

HAProxy reads it from its server state file (management guide, "show servers state"). All other servers begin
anew, and so does each whose backend or line is another one in the new configuration: the file would outweigh
that line, its address included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "server-state"
NOTHING = "1\n"
"""The version of the format, and no server."""
_DOWN = "0"
_FORCED = 0b1001
"""Of srv_admin_state: maintenance or drain, as told through the runtime API."""
_INHERITED = 0b10110
"""Of srv_admin_state: from the configuration, or another server."""


def kept(reply: str, before: str, after: str) -> str:
    """The state file for a reload from `before` to `after`; `reply` is what `show servers state` said."""
    lines = reply.splitlines()
    head = next((line for line in lines if line.startswith("# be_id")), "")
    names = head.split()[1:]
    wanted = [line for line in lines if _counts(dict(zip(names, line.split())))] if head else []
    if not wanted:
        return NOTHING
    old, new = dict(_servers(before)), dict(_servers(after))
    found = []
    for line in wanted:
        entry = dict(zip(names, line.split()))
        place = (entry["be_name"], entry["srv_name"])
        same = place in old and old[place] == new.get(place)
        checked = " check" in old.get(place, ("", ""))[1]
        if same and (checked or int(entry["srv_admin_state"])):
            found.append(line)
    return "".join(f"{line}\n" for line in ("1", head, *found)) if found else NOTHING


def _counts(entry: dict[str, str]) -> bool:
    admin = entry.get("srv_admin_state", "")
    if not admin.isdecimal() or int(admin) & _INHERITED:
        return False
    return bool(int(admin) & _FORCED) or entry.get("srv_op_state") == _DOWN


def _servers(config: str) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """(backend, server) and all that the configuration says about it: its backend's other lines, its own."""
    for section in config.split("\nbackend ")[1:]:
        lines = section.split("\n")
        servers = [line for line in lines if line.startswith("  server ")]
        rest = "\n".join(line for line in lines if line.startswith("  ") and not line.startswith("  server "))
        for line in servers:
            yield (lines[0].strip(), line.split()[1]), (rest, line)
