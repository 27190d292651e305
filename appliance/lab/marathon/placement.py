"""Where an instance may run and at which ports. Pure; chance is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.lab.marathon.model import PORT_RANGE, Agent

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Sequence

    from appliance.lab.marathon.model import Definition, Instance, Json


@dataclass(frozen=True)
class Place:
    agent: Agent
    ports: tuple[int, ...]
    """Announced host ports, one per port definition that has one."""
    listens: tuple[int, ...]
    """Where each port definition is served."""


def place(
    definition: Definition,
    agents: Sequence[Agent],
    placed: Iterable[Instance],
    *,
    avoid: Iterable[int] = (),
    chance: random.Random,
) -> Place | None:
    """The least loaded agent that fits, None when there is none now. `avoid` are ports of the task's past."""
    placed = [each for each in placed if each.agent]
    fixed = [port for port in (_fixed_port(definition, entry) for entry in definition.ports) if port]
    candidates = []
    for agent in agents:
        here = [each for each in placed if each.agent == agent]
        used = {port for each in here for port in each.listens}
        if used.isdisjoint(fixed) and not (_unique(definition) and _runs(definition, here)):
            candidates.append((len(here), agent, used))
    if not candidates:
        return None
    _, agent, used = min(candidates, key=lambda each: each[0])
    return _with_ports(definition, agent, used | set(fixed) | set(avoid), chance)


def pretended(definition: Definition, number: int) -> Place:
    """Where the task with this number would be, if it were one: on agents outside every lab's network."""
    first = number * max(1, len(definition.ports))
    numbers = range(first, first + len(definition.ports))
    agent_number = first // 1000
    agent = Agent(
        f"scale-{agent_number}",
        f"10.{200 + agent_number // 62500}.{agent_number // 250 % 250}.{agent_number % 250 + 1}",
    )
    listens = tuple(PORT_RANGE[each % 1000] for each in numbers)
    ports = tuple(port for port, entry in zip(listens, definition.ports) if _mapped(entry))
    return Place(agent, ports, listens)


def _unique(definition: Definition) -> bool:
    constraints = definition.document.get("constraints", ())
    return any(list(each[:2]) == ["hostname", "UNIQUE"] for each in constraints)


def _runs(definition: Definition, here: Iterable[Instance]) -> bool:
    return any(each.app_id == definition.id for each in here)


def _fixed_port(definition: Definition, entry: Json) -> int:
    """The port this definition insists on, 0 when any will do."""
    if definition.mode == "host":
        return int(entry["port"]) if definition.document["requirePorts"] else 0
    return int(entry["hostPort"] if _mapped(entry) else entry["containerPort"])


def _mapped(entry: Json) -> bool:
    """False for a port mapping of a container network that has no port on the host."""
    return "port" in entry or "hostPort" in entry


def _with_ports(definition: Definition, agent: Agent, used: set[int], chance: random.Random) -> Place:
    entries = definition.ports
    free = iter(chance.sample([port for port in PORT_RANGE if port not in used], len(entries)))
    listens = tuple(_fixed_port(definition, entry) or next(free) for entry in entries)
    ports = tuple(port for port, entry in zip(listens, entries) if _mapped(entry))
    return Place(agent, ports, listens)
