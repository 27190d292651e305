"""`appliance lab …`: three nodes on this machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from appliance import commands
from appliance.cli.command import need_root
from appliance.errors import UsageError
from appliance.lab import demo, faults, load, machine, marathon_faults, network
from appliance.lab.lab import Lab
from appliance.lab.topology import NETWORK, is_slave, topology
from appliance.lab.up import down, up
from appliance.settings import LOCAL, MODES

if TYPE_CHECKING:
    import argparse

    from appliance.cli.command import Parser
    from appliance.lab.topology import Machine

_DESCRIPTION = """Three slaves, a Marathon and a client on this machine, each in a network namespace of its
own, on one switch without a way out. The slaves are set up by appliance-setup as real ones are."""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    lab = commands.add_parser(
        "lab", help="three nodes on this machine, in network namespaces", description=_DESCRIPTION
    )
    verbs = lab.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, call, text in (
        ("up", _up, "start the lab and wait until all nodes are healthy"),
        ("demo", _demo, "start the lab, show what the product does, check each step, end the lab"),
    ):
        made = verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        made.add_argument("--network", default=NETWORK, metavar="NET", help=f"default: {NETWORK}")
        made.add_argument("--vip", metavar="ADDRESS", help="default: host 250 of the network")
        made.set_defaults(call=call)
        if name == "up":
            made.add_argument(
                "--mode", choices=MODES, default=LOCAL, help="floating: Marathon runs the load balancer"
            )
    _add_verb(verbs, "down", _down, "end the lab, complete or not; nothing of it stays")
    _add_verb(verbs, "status", _status, "the machines and how they are")
    _add_exec(verbs)
    _add_fault(verbs)
    made = _add_verb(verbs, "load", _load, "ask the VIP for a while, count what fails and how long")
    load.add_arguments(made)


def _add_verb(verbs: argparse._SubParsersAction[Parser], name: str, call: object, text: str) -> Parser:
    made = verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    made.set_defaults(call=call)
    return made


def _add_exec(verbs: argparse._SubParsersAction[Parser]) -> None:
    made = _add_verb(verbs, "exec", _exec, "run a command on a machine; its exit code is passed on")
    made.add_argument("machine", metavar="MACHINE", help="master, slave-1, slave-2, slave-3 or client")
    made.add_argument("command", metavar="COMMAND", nargs="...", help="the command and its arguments")


def _add_fault(verbs: argparse._SubParsersAction[Parser]) -> None:
    made = _add_verb(verbs, "fault", _fault, "break something on a slave, or in Marathon")
    made.add_argument("kind", nargs="?", metavar="KIND", help="see --list")
    made.add_argument("machine", nargs="?", metavar="MACHINE", help="slave-1, slave-2 or slave-3")
    made.add_argument(
        "options",
        nargs="*",
        metavar="KEY=VALUE",
        help="of Marathon's faults: times=3, seconds=10, path=/v2/* …",
    )
    made.add_argument("--list", action="store_true", help="what can be broken")


def _up(arguments: argparse.Namespace) -> int:
    wanted = topology(arguments.network, arguments.vip)
    need_root("the lab")
    lab = up(wanted, _say, mode=arguments.mode)
    _say("")
    _say(lab.why())
    _say("")
    for label, url in lab.published.items():
        _say(f"{label:<32} {url}")
    _say("\nend it by: appliance lab down")
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    wanted = topology(arguments.network, arguments.vip)
    need_root("the lab")
    return demo.run(wanted, _say)


def _down(_arguments: argparse.Namespace) -> int:
    need_root("the lab")
    down()
    _say("the lab is gone")
    return 0


def _status(_arguments: argparse.Namespace) -> int:
    need_root("the lab")
    lab = Lab.running()
    for each in lab.topology.machines:
        print(f"{each.name:<12} {each.address:<15} {_state(lab, each)}")
    holders = ", ".join(slave.name for slave in lab.holders()) or "nobody"
    print(f"{'VIP':<12} {lab.vip:<15} held by {holders}")
    for label, url in lab.published.items():
        print(f"{label:<32} {url}")
    return 0


def _state(lab: Lab, each: Machine) -> str:
    if not is_slave(each):
        return "up" if network.processes(each.name) else "nothing of the lab runs on it"
    if machine.init_pid(each) is None:
        return "off"
    if not network.plugged(each):
        return "up, its cable is pulled"
    said = lab.status(each)
    return f"up, {said.get('role', 'no agent answers')}, {said.get('health', {}).get('verdict', 'unknown')}"


def _exec(arguments: argparse.Namespace) -> int:
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        raise UsageError("say what to run: appliance lab exec MACHINE COMMAND")
    need_root("the lab")
    lab = Lab.running()
    return _become(machine.entering(lab.topology.machine(arguments.machine), command))


def _fault(arguments: argparse.Namespace) -> int:
    if arguments.list:
        for kind, text in {**faults.KINDS, **marathon_faults.KINDS}.items():
            print(f"{kind:<34} {text}")
        return 0
    if (arguments.kind or "").startswith(marathon_faults.PREFIX):
        words = [arguments.machine, *arguments.options] if arguments.machine else []
        words = words[1:] if words[:1] in (["master"], ["mha-master"]) else words
        need_root("the lab")
        _say(marathon_faults.inflict(arguments.kind, Lab.running().topology, words))
        return 0
    if arguments.kind is None or arguments.machine is None or arguments.options:
        raise UsageError("say what and where: appliance lab fault KIND MACHINE; --list shows the kinds")
    need_root("the lab")
    Lab.running().fault(arguments.kind, arguments.machine)
    return 0


def _load(arguments: argparse.Namespace) -> int:
    need_root("the lab")
    lab = Lab.running()
    argv = load.argv(arguments, f"http://{lab.vip}/")
    return _become(machine.entering(lab.topology.client, machine.python("load", *argv)))


def _become(argv: list[str]) -> int:
    """Go on as this command, with this terminal; its exit code is ours."""
    sys.stdout.flush()
    commands.become(argv, machine.environment())


def _say(text: str) -> None:
    print(text, flush=True)
