"""The door to what a planned move changes on this machine: nftables tables, the loopback, two sysctls.

A table passes packets on by `dup` and drops the originals: no route, no rule and no forwarding is
switched on, the host's own filter of forwarded packets (Docker's drops them) is not asked, and all of
it goes with the table. Measured on Linux 6.18 with nftables 1.0.6.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance import commands, files, templating
from appliance.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.paths import Paths

TABLE = "marathon_ha_appliance_"
"""How the name of each of our tables begins; the VIP's address follows."""
SYSCTLS = Path("/proc/sys/net/ipv4/conf")
UNSEEN = {"arp_ignore": "1", "arp_announce": "2"}
"""ARP on the interface speaks only for addresses of that interface (ip-sysctl: arp_ignore, arp_announce)."""
OPEN = ("syn-recv", "established", "fin-wait-1", "close-wait", "last-ack", "closing")
"""States of TCP in which this node's kernel still has to send or to hear something."""
DEADLINE_S = 2.0


def arm(vip: str, interface: str, former: str) -> None:
    """Pass on to `former` what comes for `vip` and belongs to no connection of this node."""
    text = templating.render(
        "keepalived/handover.nft.j2", table=_table(vip), vip=vip, interface=interface, former=former
    )
    _nft(text)


def disarm(vip: str) -> None:
    """The table of `vip` is gone, whether it stood or not."""
    _nft(f"table ip {_table(vip)}\ndelete table ip {_table(vip)}\n")


def disarm_all() -> None:
    """None of our tables is left, for whatever VIP."""
    for name in _tables():
        _nft(f"delete table ip {name}\n")


def handed_over(vip: str) -> int | None:
    """Packets passed on since the table stands; None if it does not."""
    listed = _listed("counter", "ip", _table(vip), "handed_over")
    return next((int(entry["counter"]["packets"]) for entry in listed if "counter" in entry), None)


def connections(vip: str) -> int | None:
    """TCP connections of this machine to `vip` that are not over; None if they cannot be counted."""
    states = [word for state in OPEN for word in ("state", state)]
    done = commands.run(["ss", "-H", "-n", "-t", *states, "src", vip], timeout_s=DEADLINE_S)
    return len(done.output.splitlines()) if done.code == 0 else None


def keep(paths: Paths, vip: str, interface: str) -> None:
    """Have `vip` on the loopback too. Nobody hears of it, and no packet takes it as its source."""
    copies, before = _kept(paths)
    if interface not in before:
        before[interface] = {name: (SYSCTLS / interface / name).read_text().strip() for name in UNSEEN}
    _note(paths, {**copies, vip: interface}, before)
    _set(interface, UNSEEN)
    _done(commands.run(["ip", "addr", "replace", f"{vip}/32", "dev", "lo", "scope", "host"]), "ip")


def release(paths: Paths, vip: str) -> None:
    """Undo `keep`. The interface gets its old ways back last, and with the last of its VIPs."""
    copies, before = _kept(paths)
    if vip not in copies:
        return
    interface = copies.pop(vip)
    commands.run(["ip", "addr", "del", f"{vip}/32", "dev", "lo"])
    if interface not in copies.values():
        with contextlib.suppress(FileNotFoundError):  # the interface may be gone
            _set(interface, before.pop(interface, {}))
    _note(paths, copies, before)


def release_all(paths: Paths) -> None:
    """What a program that was killed has left."""
    for vip in list(_kept(paths)[0]):
        release(paths, vip)


def _kept(paths: Paths) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Interface by VIP on the loopback, and the sysctls of those interfaces as they were before."""
    facts = files.report(paths.handover)
    return dict(facts.get("copies", {})), dict(facts.get("before", {}))


def _note(paths: Paths, copies: Mapping[str, str], before: Mapping[str, Mapping[str, str]]) -> None:
    if not copies:
        paths.handover.unlink(missing_ok=True)
        return
    files.replace(paths.handover, json.dumps({"copies": copies, "before": before}) + "\n", durable=False)


def _set(interface: str, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        (SYSCTLS / interface / name).write_text(value)


def _table(vip: str) -> str:
    return TABLE + vip.replace(".", "_")


def _tables() -> list[str]:
    names = (str(entry["table"]["name"]) for entry in _listed("tables", "ip") if "table" in entry)
    return [name for name in names if name.startswith(TABLE)]


def _listed(*words: str) -> list[dict[str, Any]]:
    done = commands.run(["nft", "-j", "list", *words], timeout_s=DEADLINE_S)
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return list(json.loads(done.output)["nftables"])
    return []


def _nft(text: str) -> None:
    _done(commands.run(["nft", "-f", "-"], stdin=text, timeout_s=DEADLINE_S), "nft")


def _done(done: commands.Completed, program: str) -> None:
    if done.code != 0:
        raise EngineError(f"{program} refuses: {' '.join(done.message.split())[:300]}")
