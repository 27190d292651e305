"""Which ports an app has and where its tasks listen, for host, bridge and IP-per-task networking.

Label index, service port and task port pair by the position in the app's port list. A port that is
not mapped on the host takes no entry of a task's `ports`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from appliance.marathon.fields import FieldError, listed, number, record, records, text
from appliance.marathon.model import Endpoint, Port, ip_address

if TYPE_CHECKING:
    from collections.abc import Mapping

_MODES = ("host", "container/bridge", "container")
_DOCKER_MODES = {"USER": "container", "BRIDGE": "container/bridge"}


@dataclass(frozen=True)
class Layout:
    """How the ports of one app's tasks are to be read."""

    ports: tuple[Port, ...]
    ip_per_task: bool
    targets: tuple[int, ...]
    """Ports inside the container by index, of an app whose tasks have their own addresses."""
    host_positions: tuple[int | None, ...]
    """By index, which entry of `task.ports` it is; None: not mapped on the host."""
    prefer_host: bool = False
    """A port that is mapped on the host is reached there, even if the task has an address of its own."""


def layout(app: Mapping[str, Any], *, prefer_host_ports: bool = False) -> Layout:
    """Read the networking of an app in either dialect. Raises FieldError."""
    container = record(app.get("container"), ".container")
    docker = record(container.get("docker"), ".container.docker")
    address = record(app.get("ipAddress"), ".ipAddress")
    mode = _mode(app, docker, address)
    mappings: list[Mapping[str, Any]] = []
    if mode != "host":
        mappings = records(docker, "portMappings", ".container.docker") or records(
            container, "portMappings", ".container"
        )
    ports = _mapped(mappings) if mappings else _defined(app)
    if mode != "container":
        return Layout(ports, ip_per_task=False, targets=(), host_positions=_host_positions(mappings, ports))
    discovery_record = record(address.get("discovery"), ".ipAddress.discovery")
    discovery = records(discovery_record, "ports", ".ipAddress.discovery")
    where, key = (
        (".ipAddress.discovery.ports[]", "number") if discovery else (".portMappings[]", "containerPort")
    )
    targets = tuple(number(port.get(key), f"{where}.{key}") or 0 for port in discovery or mappings)
    if all(port.service_port is None for port in ports):  # Marathon allocates none on such a network
        protocols = [text(port, "protocol") or "tcp" for port in discovery or mappings]
        ports = tuple(Port(0, protocol, target or None) for protocol, target in zip(protocols, targets))
    positions = _host_positions(mappings, ports)
    return Layout(ports, True, targets, positions, prefer_host=prefer_host_ports and bool(mappings))


def endpoints(task: Mapping[str, Any], plan: Layout) -> tuple[Endpoint | None, ...]:
    """Where `task` listens, one entry for each of the app's ports. Raises FieldError."""
    host_ports = listed(task, "ports")
    if plan.ip_per_task:
        host = _own_address(task)
        pairs = zip_longest(plan.targets, plan.host_positions[: len(plan.targets)])
        # Container port 0 is the same as the host port.
        numbers = [target or _at(host_ports, position) for target, position in pairs]
    else:
        host = text(task, "host")
        # As many entries as ports: each has one, also where the definition does not say so.
        every = len(host_ports) >= len(plan.ports)
        positions = range(len(plan.ports)) if every else plan.host_positions
        numbers = [_at(host_ports, position) for position in positions]
    found = [Endpoint(host, port) if host and port else None for port in map(_port, numbers)]
    if plan.prefer_host and (agent := text(task, "host")):
        for n, position in enumerate(plan.host_positions[: len(found)]):
            mapped = _port(_at(host_ports, position))
            found[n] = Endpoint(agent, mapped) if mapped else found[n]
    return tuple(found)


def _mode(app: Mapping[str, Any], docker: Mapping[str, Any], address: Mapping[str, Any]) -> str:
    mode = "container" if address else "host"
    mode = _DOCKER_MODES.get(text(docker, "network", ".container.docker").upper(), mode)
    networks = records(app, "networks")
    if networks:
        mode = text(networks[-1], "mode", ".networks[-1]") or "container"
    if mode not in _MODES:
        raise FieldError(".networks[-1].mode", f"{mode[:40]!r} is no networking mode")
    return mode


def _mapped(mappings: list[Mapping[str, Any]]) -> tuple[Port, ...]:
    return tuple(
        Port(
            number(mapping.get("servicePort"), f".portMappings[{n}].servicePort"),
            text(mapping, "protocol", f".portMappings[{n}]") or "tcp",
        )
        for n, mapping in enumerate(mappings)
    )


def _defined(app: Mapping[str, Any]) -> tuple[Port, ...]:
    if app.get("portDefinitions") is not None:
        return tuple(
            Port(
                number(port.get("port"), f".portDefinitions[{n}].port"),
                text(port, "protocol", f".portDefinitions[{n}]") or "tcp",
            )
            for n, port in enumerate(records(app, "portDefinitions"))
        )
    return tuple(Port(number(port, f".ports[{n}]")) for n, port in enumerate(listed(app, "ports")))


def _host_positions(mappings: list[Mapping[str, Any]], ports: tuple[Port, ...]) -> tuple[int | None, ...]:
    if not mappings:
        return tuple(range(len(ports)))
    positions: list[int | None] = []
    taken = 0
    for mapping in mappings:
        mapped = mapping.get("hostPort") is not None
        positions.append(taken if mapped else None)
        taken += mapped
    return tuple(positions)


def _own_address(task: Mapping[str, Any]) -> str:
    """The first IPv4 address of the task, else its first IPv6 address, else ''."""
    found = [ip_address(text(entry, "ipAddress", ".ipAddresses[]")) for entry in records(task, "ipAddresses")]
    return next((ip for ip in found if "." in ip), "") or next((ip for ip in found if ip), "")


def _at(host_ports: list[Any], position: int | None) -> Any:
    return host_ports[position] if position is not None and position < len(host_ports) else None


def _port(value: Any) -> int:
    port = number(value, ".ports[]") or 0
    if not 0 <= port < 65536:
        raise FieldError(".ports[]", f"{port} is no port")
    return port
