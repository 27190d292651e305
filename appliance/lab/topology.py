"""The lab's machines and their addresses. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from appliance.errors import SettingsError, UsageError

NETWORK = "10.77.0.0/24"
INTERFACE = "eth0"
SWITCH = "mha-switch"
"""The namespace that holds the bridge: the machine's own namespace gets no interface at all."""

_HOSTS = {"mha-master": 233, "mha-slave-1": 237, "mha-slave-2": 238, "mha-slave-3": 239, "mha-client": 10}
_VIP_HOST = 250

NAMESPACES = (SWITCH, *_HOSTS)


@dataclass(frozen=True)
class Machine:
    """One machine of the lab. `name` is its host name and the name of its network namespace."""

    name: str
    address: str

    @property
    def port(self) -> str:
        """Its port on the switch."""
        return self.name[len("mha-") :]


@dataclass(frozen=True)
class Topology:
    network: str
    vip: str
    machines: tuple[Machine, ...]

    @property
    def master(self) -> Machine:
        return self.machine("master")

    @property
    def client(self) -> Machine:
        return self.machine("client")

    @property
    def slaves(self) -> tuple[Machine, ...]:
        return tuple(machine for machine in self.machines if is_slave(machine))

    @property
    def prefix_length(self) -> int:
        return ipaddress.IPv4Network(self.network).prefixlen

    @property
    def marathon(self) -> str:
        return self.marathons(1)[0]

    def marathons(self, count: int) -> tuple[str, ...]:
        """As many masters, all on the one machine."""
        return tuple(f"http://{self.master.address}:{8080 + n}" for n in range(count))

    def machine(self, name: str) -> Machine:
        """The machine called `mha-slave-1` or, for short, `slave-1`. Raises UsageError."""
        for machine in self.machines:
            if name in (machine.name, machine.port):
                return machine
        raise UsageError(f"no machine '{name}' in the lab; there are {_names(self.machines)}")

    def slave(self, name: str) -> Machine:
        """As `machine`, for what only makes sense on a slave. Raises UsageError."""
        machine = self.machine(name)
        if not is_slave(machine):
            raise UsageError(f"{machine.name} is no slave; there are {_names(self.slaves)}")
        return machine


def is_slave(machine: Machine) -> bool:
    return machine.port.startswith("slave-")


def _names(machines: tuple[Machine, ...]) -> str:
    return ", ".join(machine.name for machine in machines)


def topology(network: str = NETWORK, vip: str | None = None) -> Topology:
    """The lab on `network`, VIP at its host 250 unless `vip` is given. Raises SettingsError."""
    try:
        subnet = ipaddress.IPv4Network(network)
    except ValueError as error:
        raise SettingsError(f"--network: {error}; write it as {NETWORK}") from None
    if not 8 <= subnet.prefixlen <= 24:
        raise SettingsError(f"--network: {network} has to be a /24 or larger: its hosts 10 to 250 are used")
    machines = tuple(Machine(name, str(subnet[host])) for name, host in _HOSTS.items())
    return Topology(str(subnet), _vip(subnet, vip, machines), machines)


def _vip(subnet: ipaddress.IPv4Network, vip: str | None, machines: tuple[Machine, ...]) -> str:
    if vip is None:
        return str(subnet[_VIP_HOST])
    try:
        address = ipaddress.IPv4Address(vip)
    except ValueError:
        raise SettingsError(f"--vip: '{vip}' is not an IPv4 address") from None
    if address not in subnet:
        raise SettingsError(f"--vip: {vip} is not in the lab's network {subnet}")
    for machine in machines:
        if machine.address == vip:
            raise SettingsError(f"--vip: {vip} is the address of {machine.name}; choose a free one")
    return str(address)
