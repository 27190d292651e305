"""The lab's nodes between the modes, as an operator moves them: by setup on each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from appliance.errors import ApplianceError
from appliance.settings import FLOATING, LOCAL
from appliance.setup.app import ID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance import commands
    from appliance.lab.lab import Lab
    from appliance.lab.topology import Machine

SETUP_S = 120.0
MOVE_S = 60.0


def setup(lab: Lab, slave: Machine, mode: str) -> commands.Completed:
    return lab.exec(slave.name, "appliance-setup", "--mode", mode, "--yes", timeout_s=SETUP_S)


def switch(lab: Lab, slaves: Sequence[Machine], mode: str) -> None:
    """Set them up for `mode`, all at once. Raises ApplianceError."""
    with ThreadPoolExecutor() as pool:
        for slave, done in zip(slaves, pool.map(lambda slave: setup(lab, slave, mode), slaves)):
            if done.code != 0:
                raise ApplianceError(f"appliance-setup --mode {mode} on {slave.name}: {done.message}")


def host(lab: Lab) -> Machine | None:
    """The slave on which Marathon runs the load balancer."""
    hosts = [task["host"] for task in lab.tasks(ID) if task["state"] == "TASK_RUNNING"]
    return next((slave for slave in lab.topology.slaves if hosts[:1] == [slave.address]), None)


def followed(lab: Lab) -> Machine | None:
    """The owner of the VIP, once that is the node where Marathon runs the load balancer."""
    serving = lab.serving()
    return serving if serving and serving == host(lab) else None


def to_floating(lab: Lab) -> None:
    """Away from load balancers of our own; whoever posts the app brings the service back."""
    switch(lab, lab.topology.slaves, FLOATING)


def to_local(lab: Lab) -> None:
    """Back to a load balancer on each node, while clients are served. Raises ApplianceError."""
    last = lab.wait("a node with the load balancer", lambda: followed(lab), MOVE_S)
    others = [slave for slave in lab.topology.slaves if slave != last]
    switch(lab, others, LOCAL)
    _say(lab, last, "drain", "--reason", "its load balancer becomes its own")
    lab.delete(ID)
    lab.wait("Marathon's load balancer ended", lambda: not lab.tasks(ID), MOVE_S)
    lab.wait("its ports are free", lambda: lab.get(f"http://{last.address}:9090/").status == 0, MOVE_S)
    switch(lab, [last], LOCAL)
    _say(lab, last, "undrain")


def _say(lab: Lab, slave: Machine, *words: str) -> None:
    done = lab.exec(slave.name, "appliance", *words, timeout_s=SETUP_S)
    if done.code != 0:
        raise ApplianceError(f"appliance {words[0]} on {slave.name}: {done.message}")
