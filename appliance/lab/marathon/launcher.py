"""Starts tasks as processes on an agent. Each dies with us: `setpriv --pdeathsig`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from appliance import commands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.lab.marathon.model import Agent, Instance

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


def argv(instance: Instance, address: str) -> list[str]:
    """The command line of an instance's task; it listens where its ports are announced."""
    words = [sys.executable, "-I", "-S", str(TASK), address, instance.app_id, instance.task_id]
    return [*words, *map(str, instance.listens)]
