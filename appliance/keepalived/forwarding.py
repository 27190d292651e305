"""The door to what a planned move changes on this machine: an nftables table, the loopback, two sysctls.

The table passes packets on by `dup` and drops the originals: no route, no rule and no forwarding is
switched on, the host's own filter of forwarded packets (Docker's drops them) is not asked, and all of
it goes with the table. Measured on Linux 6.18 with nftables 1.0.6.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import commands, files, templating
from appliance.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.paths import Paths

TABLE = "marathon_ha_appliance"
SYSCTLS = Path("/proc/sys/net/ipv4/conf")
UNSEEN = {"arp_ignore": "1", "arp_announce": "2"}
"""ARP on the interface speaks only for addresses of that interface (ip-sysctl: arp_ignore, arp_announce)."""
OPEN = ("syn-recv", "established", "fin-wait-1", "close-wait", "last-ack", "closing")
"""States of TCP in which this node's kernel still has to send or to hear something."""
DEADLINE_S = 2.0


@dataclass(frozen=True)
class Copy:
    """The VIP on the loopback, and how `interface` was before."""

    vip: str
    interface: str
    sysctls: Mapping[str, str]


def arm(vip: str, interface: str, former: str) -> None:
    """Pass on to `former` what comes for `vip` and belongs to no connection of this node."""
    text = templating.render(
        "keepalived/handover.nft.j2", table=TABLE, vip=vip, interface=interface, former=former
    )
    _done(commands.run(["nft", "-f", "-"], stdin=text, timeout_s=DEADLINE_S), "nft")


def disarm() -> None:
    """Our table is gone, whether it stood or not."""
    text = f"table ip {TABLE}\ndelete table ip {TABLE}\n"
    _done(commands.run(["nft", "-f", "-"], stdin=text, timeout_s=DEADLINE_S), "nft")


def handed_over() -> int | None:
    """Packets passed on since the table stands; None if it does not."""
    done = commands.run(["nft", "-j", "list", "counter", "ip", TABLE, "handed_over"], timeout_s=DEADLINE_S)
    with contextlib.suppress(ValueError, KeyError, TypeError):
        for entry in json.loads(done.output)["nftables"]:
            if "counter" in entry:
                return int(entry["counter"]["packets"])
    return None


def connections(vip: str) -> int | None:
    """TCP connections of this machine to `vip` that are not over; None if they cannot be counted."""
    states = [word for state in OPEN for word in ("state", state)]
    done = commands.run(["ss", "-H", "-n", "-t", *states, "src", vip], timeout_s=DEADLINE_S)
    return len(done.output.splitlines()) if done.code == 0 else None


def keep(paths: Paths, vip: str, interface: str) -> None:
    """Have `vip` on the loopback too. Nobody hears of it, and no packet takes it as its source."""
    before = {name: (SYSCTLS / interface / name).read_text().strip() for name in UNSEEN}
    copy = Copy(vip, interface, before)
    files.replace(paths.handover, json.dumps(asdict(copy)) + "\n", durable=False)
    _set(interface, UNSEEN)
    _done(commands.run(["ip", "addr", "replace", f"{vip}/32", "dev", "lo", "scope", "host"]), "ip")


def release(paths: Paths) -> None:
    """Undo `keep`, also that of a program that was killed. The interface gets its old ways back last."""
    facts = files.report(paths.handover)
    if not facts:
        return
    copy = Copy(str(facts["vip"]), str(facts["interface"]), facts["sysctls"])
    commands.run(["ip", "addr", "del", f"{copy.vip}/32", "dev", "lo"])
    with contextlib.suppress(FileNotFoundError):  # the interface may be gone
        _set(copy.interface, copy.sysctls)
    paths.handover.unlink(missing_ok=True)


def _set(interface: str, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        (SYSCTLS / interface / name).write_text(value)


def _done(done: commands.Completed, program: str) -> None:
    if done.code != 0:
        raise EngineError(f"{program} refuses: {' '.join(done.message.split())[:300]}")
