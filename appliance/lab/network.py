"""Network namespaces of the lab: one a machine, one for the switch, nothing in the machine's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from appliance import commands
from appliance.errors import ApplianceError
from appliance.lab.topology import INTERFACE, NAMESPACES, SWITCH

if TYPE_CHECKING:
    from appliance.lab.topology import Machine, Topology

_FOLDER = Path("/run/netns")
_BRIDGE = "br0"
_SYSCTLS = {
    "net/ipv6/conf/all/disable_ipv6": 1,
    "net/ipv6/conf/default/disable_ipv6": 1,
    "net/ipv4/conf/all/arp_ignore": 0,
    "net/ipv4/conf/all/arp_announce": 0,
    "net/ipv4/conf/all/rp_filter": 0,
    "net/ipv4/conf/default/rp_filter": 0,
}
"""A new namespace starts with this machine's IPv4 settings: give it the kernel's own instead."""


def existing() -> list[str]:
    """The lab's namespaces that are there now."""
    return [name for name in NAMESPACES if (_FOLDER / name).exists()]


def create(topology: Topology) -> None:
    """Make the namespaces, the bridge and one cable a machine. No route leads out."""
    for name in NAMESPACES:
        _ip("netns", "add", name)
        _set_sysctls(name)
        _ip("-n", name, "link", "set", "lo", "up")
    _ip("-n", SWITCH, "link", "add", _BRIDGE, "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
    _ip("-n", SWITCH, "link", "set", _BRIDGE, "up")
    for machine in topology.machines:
        cable = ["link", "add", INTERFACE, "netns", machine.name, "type", "veth"]
        _ip(*cable, "peer", "name", machine.port, "netns", SWITCH)
        _ip("-n", SWITCH, "link", "set", "dev", machine.port, "master", _BRIDGE, "up")
        connect(topology, machine)


def connect(topology: Topology, machine: Machine) -> None:
    """Give `machine` its address and its link."""
    address = f"{machine.address}/{topology.prefix_length}"
    _ip("-n", machine.name, "addr", "replace", address, "dev", INTERFACE)
    _ip("-n", machine.name, "link", "set", INTERFACE, "up")


def forget_addresses(machine: Machine) -> None:
    """Take every address off, as a power loss does."""
    _ip("-n", machine.name, "addr", "flush", "dev", INTERFACE)


def plug(machine: Machine) -> None:
    _ip("-n", SWITCH, "link", "set", "dev", machine.port, "up")


def unplug(machine: Machine) -> None:
    """Pull the cable: the machine sees its link go down and keeps its addresses."""
    _ip("-n", SWITCH, "link", "set", "dev", machine.port, "down")


def plugged(machine: Machine) -> bool:
    return "state UP" in _ip("-n", SWITCH, "link", "show", "dev", machine.port)


def delete() -> None:
    """Remove the namespaces that are there; cables and bridge vanish with them."""
    for name in existing():
        _ip("netns", "del", name)


def processes(namespace: str) -> list[int]:
    """Pids of everything that lives in `namespace`, whoever started it."""
    if not (_FOLDER / namespace).exists():
        return []
    return [int(pid) for pid in _ip("netns", "pids", namespace).split()]


def addresses(namespace: str, interface: str) -> list[str]:
    """IPv4 addresses on an interface in `namespace`."""
    lines = _ip("-n", namespace, "-o", "-4", "addr", "show", "dev", interface).splitlines()
    return [line.split()[3].partition("/")[0] for line in lines]


def folder_is_mounted() -> bool:
    """Whether iproute2 has its folder already; it makes one at the first namespace and leaves it."""
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    return any(line.split()[1] == str(_FOLDER) for line in mounts)


def remove_folder() -> None:
    """Undo iproute2's folder, unless somebody uses it."""
    if not any(_FOLDER.iterdir()) and commands.run(["umount", _FOLDER]).code == 0:
        _FOLDER.rmdir()


def _set_sysctls(namespace: str) -> None:
    lines = [f"echo {value} > /proc/sys/{key}" for key, value in _SYSCTLS.items()]
    _ip("netns", "exec", namespace, "sh", "-c", "\n".join(lines))


def _ip(*arguments: str) -> str:
    done = commands.run(["ip", *arguments])
    if done.code != 0:
        raise ApplianceError(f"ip {' '.join(arguments)}: {done.message}")
    return done.output
