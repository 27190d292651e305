"""From nothing to three nodes that share a VIP, and back to nothing."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Callable

import appliance
from appliance import commands
from appliance.errors import ApplianceError, MissingError, NotRunningError
from appliance.lab import forward, machine, network, state
from appliance.lab.interrupted import ended_by_signals, uninterrupted
from appliance.lab.lab import Lab
from appliance.lab.marathon_faults import CONTROL_PORT
from appliance.lab.state import State
from appliance.settings import FLOATING, LOCAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.lab.topology import Machine, Topology

Say = Callable[[str], None]

_NEEDED = (
    "ip",
    "unshare",
    "nsenter",
    "mount",
    "umount",
    "setpriv",
    "prlimit",
    "setsid",
    "curl",
    "haproxy",
    "keepalived",
)
_SETUP_S = 120.0
_HEALTHY_S = 60.0
_MARATHON_S = 20.0
_AGENT_PORT = 9099


def up(topology: Topology, say: Say, masters: int = 1, mode: str = LOCAL) -> Lab:
    """Start the lab; on any failure leave nothing behind. Raises ApplianceError with the step that failed."""
    _check_abilities()
    made_netns_folder = not network.folder_is_mounted()
    state.claim()
    try:
        with ended_by_signals():
            return _up(State(topology, made_netns_folder), say, masters, mode)
    except BaseException as error:
        if isinstance(error, ApplianceError):
            _show_logs(topology)
        down()
        raise


def _up(fresh: State, say: Say, masters: int, mode: str) -> Lab:
    topology, began = fresh.topology, time.monotonic()

    def step(text: str) -> None:
        say(f"{time.monotonic() - began:5.1f} s  {text}")

    state.save(fresh)
    network.create(topology)
    step(f"{len(topology.machines)} machines on {topology.network}, no route leads out")
    _start_marathon(topology, masters)
    step(f"Marathon answers at {topology.marathon}")
    for slave in topology.slaves:
        machine.boot(slave)
    for slave in topology.slaves:
        machine.booted(slave)
    step("three slaves are booted")
    lab = Lab(fresh)
    command = ["appliance-setup", "--vip", topology.vip, "--yes"]
    if mode != LOCAL:
        command += ["--mode", mode]
    if masters > 1:
        command += ["--marathon", *topology.marathons(masters)]
    pool = ThreadPoolExecutor()
    try:
        list(pool.map(lambda slave: _set_up(lab, slave, command), topology.slaves))
    finally:
        pool.shutdown(wait=False)
    step(f"'{' '.join(command)}' is done on each")
    if mode == FLOATING:
        lab.deploy(lab.marathon_app())
        owner = lab.wait("the VIP where Marathon runs the load balancer", lab.serving, _HEALTHY_S)
        step(f"Marathon runs what 'appliance marathon-app' prints, on {owner.name}; the VIP is there")
    else:
        lab.wait_healthy(_HEALTHY_S)
        step("every node is healthy, the VIP has an owner")
    complete = replace(fresh, published=_publish(topology))
    state.save(complete)
    return Lab(complete)


def down() -> None:
    """End everything that a lab is, however much of it there is. Raises NotRunningError, ApplianceError."""
    if not state.remains():
        raise NotRunningError("no lab is running")
    try:
        made_netns_folder = state.load().made_netns_folder
    except NotRunningError:
        made_netns_folder = False
    with uninterrupted():
        machine.end_processes(network.existing())
        network.delete()
        state.remove()
        if made_netns_folder:
            network.remove_folder()


def _check_abilities() -> None:
    """Raises MissingError, ApplianceError, before anything was made."""
    for program in _NEEDED:
        commands.find(program)
    code, command = Path(appliance.__file__), Path(sys.prefix) / "bin/appliance"
    if not (code.stat().st_mode & 0o004 and command.stat().st_mode & 0o001):
        raise ApplianceError(
            f"{code.parent.parent} is private to you, but the nodes' programs run as other users: "
            f"run 'chmod -R go+rX {code.parent.parent} {sys.prefix}'"
        )
    done = commands.run(["unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "true"])
    if done.code != 0:
        raise MissingError(f"this machine does not let us make namespaces: {done.message}")
    try:
        kinds = Path("/proc/filesystems").read_text(encoding="utf-8")
    except OSError:
        kinds = ""
    if "\toverlay\n" not in kinds and commands.run(["modprobe", "overlay"]).code != 0:
        raise MissingError("this kernel has no overlay file system, the nodes' own folders need it")


def _start_marathon(topology: Topology, masters: int) -> None:
    config = state.FOLDER / "marathon.json"
    agents = [{"name": s.name, "address": s.address, "netns": s.name} for s in topology.slaves]
    wanted = {
        "address": topology.master.address,
        "agents": agents,
        "control_port": CONTROL_PORT,
        "masters": masters,
    }
    config.write_text(json.dumps(wanted), encoding="utf-8")
    machine.launch(topology.master, machine.python("marathon", "--config", config), "mha-master")
    machine.await_line(topology.master, "mha-master", "ready", _MARATHON_S)


def _set_up(lab: Lab, slave: Machine, command: Sequence[str]) -> None:
    """Exactly what an operator types."""
    done = lab.exec(slave.name, *command, timeout_s=_SETUP_S)
    with state.log(slave.name).open("a", encoding="utf-8") as log:
        log.write(f"# {' '.join(command)}\n{done.output}{done.errors}")
    if done.code != 0:
        raise ApplianceError(f"{' '.join(command)} on {slave.name} ended with exit code {done.code}")


def _publish(topology: Topology) -> dict[str, str]:
    """Make the lab's pages reachable from this machine's loopback. Returns address by label."""
    pages = {f"VIP {topology.vip}": (f"{topology.vip}:80", "/")}
    for slave in topology.slaves:
        pages[f"{slave.name} HAProxy statistics"] = (f"{slave.address}:9090", "/haproxy?stats")
        pages[f"{slave.name} status"] = (f"{slave.address}:{_AGENT_PORT}", "/")
    pages["Marathon"] = (f"{topology.master.address}:8080", "/ui/")
    sockets = {label: forward.listener() for label in pages}
    try:
        routes = [f"{sockets[label].fileno()}={target}" for label, (target, _) in pages.items()]
        fds = [made.fileno() for made in sockets.values()]
        argv = machine.python("forward", *routes)
        machine.launch(topology.client, argv, "mha-client", pass_fds=fds)
        machine.await_line(topology.client, "mha-client", "ready", 10)
        return {label: _url(made.getsockname()[1], pages[label][1]) for label, made in sockets.items()}
    finally:
        for made in sockets.values():
            made.close()


def _url(port: int, path: str) -> str:
    return f"http://127.0.0.1:{port}{path}"


def _show_logs(topology: Topology) -> None:
    for shown in (topology.master, *topology.slaves):
        for path in state.logs(shown.name):
            lines = state.tail(path)
            if lines:
                print(f"--- {shown.name}: {path.name}, last lines", *lines, sep="\n", file=sys.stderr)
