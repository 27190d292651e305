"""Starts tasks as processes on an agent. Each dies with us: `setpriv --pdeathsig`."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from appliance import commands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.lab.marathon.model import Agent, Definition, Instance

_IMAGE = re.compile(r"([\w.-]+(:\d+)?/)*mesosphere/marathon-lb(:[\w.-]+)?(@.+)?")
TASK = Path(__file__).with_name("task.py")


class Launcher(Protocol):
    """The one door to task processes."""

    def launch(self, agent: Agent, argv: Sequence[str]) -> commands.Process[bytes]:
        """Start `argv` where `agent` runs its tasks, stdout a pipe. The calling thread has to live on."""


class Processes:
    """Runs tasks here, or in the agent's network namespace when it has one."""

    def launch(self, agent: Agent, argv: Sequence[str]) -> commands.Process[bytes]:
        inside = ["nsenter", f"--net=/run/netns/{agent.netns}", "--"] if agent.netns else []
        words = [*inside, "setpriv", "--pdeathsig", "KILL", "--", *argv]
        return commands.start(words, stdout=commands.PIPE, new_session=True)


def argv(instance: Instance, agent: Agent) -> list[str]:
    """The command line of an instance's task.

    It listens where its ports are announced; only a load balancer is the real thing, where `agent` is a
    machine of its own that has port 80 to give.
    """
    real = load_balancer(instance.definition)
    if real and agent.netns:
        executor = [sys.executable, "-I", "-m", "appliance.lab.executor", agent.netns, instance.task_id]
        return [*executor, *_environment(instance, agent), "--", *real]
    address = agent.address
    words = [sys.executable, "-I", "-S", str(TASK), address, instance.app_id, instance.task_id]
    return [*words, *map(str, instance.listens)]


def load_balancer(definition: Definition) -> list[str]:
    """The words that run what this app is, if it is a marathon-lb, ours or the original; else none.

    The entry point of marathon-lb's image runs HAProxy and generator together, as `appliance-lb run` does.
    """
    document = definition.document
    image = str((document.get("container", {}).get("docker") or {}).get("image", ""))
    if _IMAGE.fullmatch(image):
        return ["appliance-lb", "run", *document.get("args", ())]
    cmd = str(document.get("cmd", ""))
    try:
        words = [word for word in shlex.split(cmd) if word != "exec"]
    except ValueError:
        return []
    ours = [word.rpartition("/")[2] for word in words[:1]] == ["appliance-lb"] and words[1:2] == ["run"]
    return ["sh", "-c", cmd] if ours else []


def _environment(instance: Instance, agent: Agent) -> list[str]:
    """As Marathon tells a task of itself."""
    ports = [str(port) for port in instance.ports]
    told = {
        **{str(name): value for name, value in instance.definition.document.get("env", {}).items()},
        "HOST": agent.address,
        "MARATHON_APP_ID": instance.app_id,
        "PORTS": ",".join(ports),
        **{f"PORT{n}": port for n, port in enumerate(ports)},
    }
    return [f"{name}={value}" for name, value in told.items() if isinstance(value, str)]
