"""`appliance-setup`: from a virtual IP address to a node that serves."""

from __future__ import annotations

import argparse
import ipaddress
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.cli import command, dns
from appliance.errors import ApplianceError, UsageError
from appliance.paths import Paths
from appliance.settings import MODES, NAME, Node
from appliance.setup import apply, start, systemd
from appliance.setup.model import Asked, Level
from appliance.setup.survey import Refused, survey
from appliance.trust import secret_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.settings import Settings
    from appliance.setup.survey import Survey

EXIT_NO_OWNER = 4

DESCRIPTION = """Makes this slave a node of the appliance: HAProxy fed from Marathon, behind one address.

The same command on every slave; it finds the interface, Marathon and the other slaves, shows what it
would write, asks, writes, starts, and waits until the address has an owner. Run again it changes nothing.
Without --vip it applies an edited appliance.toml."""


def build() -> command.Parser:
    made = command.parser("appliance-setup", DESCRIPTION)
    made.add_argument("--vip", metavar="ADDRESS", type=_address, help="the virtual IP address, a free one")
    made.add_argument("--interface", "--iface", default="", metavar="NAME", help="where the VIP's subnet is")
    made.add_argument(
        "--peer",
        action="extend",
        nargs="+",
        default=[],
        type=_peer,
        metavar="[NAME=]IP",
        help="all other nodes (default: the agents that the Mesos master lists in the VIP's subnet)",
    )
    made.add_argument(
        "--marathon",
        action="extend",
        nargs="+",
        default=[],
        type=_master,
        metavar="URL",
        help="all of Marathon's masters, or zk://HOST:2181/marathon (default: as in the ZooKeeper that "
        "/etc/mesos/zk names, else port 8080 of its hosts)",
    )
    made.add_argument("--marathon-ca-cert", default="", metavar="FILE", help="CA of https masters")
    made.add_argument("--mesos", type=_url, metavar="URL", help="a Mesos master, port 5050")
    made.add_argument(
        "--group", action="extend", nargs="+", default=[], metavar="G", help="serve apps of HAPROXY_GROUP G"
    )
    made.add_argument(
        "--mode",
        choices=MODES,
        default="",
        help="local: a load balancer on each node (default). floating: one that Marathon runs as an app, see "
        "'appliance marathon-app'; the VIP follows it",
    )
    made.add_argument("--vrid", type=_vrid, metavar="N", help="virtual router id (default: VIP's last octet)")
    made.add_argument("--domain", type=dns.name, help="the name that has to lead to the VIP")
    made.add_argument(
        "--dns-server",
        action="extend",
        nargs="+",
        default=[],
        type=dns.address,
        metavar="IP",
        help="name servers to ask for the domain, besides this machine's resolver",
    )
    made.add_argument(
        "--credentials-file", type=Path, metavar="FILE", help="user:password for Marathon, copied into /etc"
    )
    made.add_argument(
        "--secret-file",
        type=Path,
        metavar="FILE",
        help="the same secret on every node, for orders between them (default: each pair makes its own)",
    )
    made.add_argument("--yes", action="store_true", help="apply without asking")
    made.add_argument("--dry-run", action="store_true", help="show what would change, write nothing")
    made.add_argument(
        "--uninstall", action="store_true", help="hand the VIP over, stop, give the distribution's units back"
    )
    made.add_argument("--root", metavar="DIR", help="all of the node's files lie below DIR (APPLIANCE_ROOT)")
    made.set_defaults(call=setup)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    return command.run(build(), argv)


def setup(arguments: argparse.Namespace) -> int:
    paths = Paths.of(arguments.root)
    if arguments.uninstall:
        return _uninstall(paths, yes=arguments.yes)
    seen = survey(paths, _asked(arguments), arguments.credentials_file)
    for finding in seen.findings:
        if finding.level is not Level.OK:
            print(f"appliance-setup: {finding}", file=sys.stderr)
    if isinstance(seen, Refused):
        return next(finding.exit_code for finding in seen.findings if finding.level is Level.FAIL)
    running = start.running(paths)
    stale = start.stale(paths, seen.settings) if running else ()
    _show(seen, stale, in_full=arguments.dry_run)
    if arguments.dry_run:
        print("nothing written (--dry-run)")
        return 0
    if seen.changes or stale:
        _confirm(arguments.yes)
    elif running:
        return 0
    apply.node(paths, seen.changes, seen.settings.lb)
    return _bring_up(paths, seen.settings, running)


def _uninstall(paths: Paths, *, yes: bool) -> int:
    """Settings, state and logs stay, for a return."""
    command.need_root("appliance-setup --uninstall")
    print("hands the VIP over, stops this node and gives the distribution's units back")
    _confirm(yes)
    if start.managed(paths):
        systemd.retire()
        for unit in systemd.give_back(paths.units):
            print(f"{unit}: as it was before setup, but not started")
    elif start.running(paths):
        raise ApplianceError("systemd does not run this node: stop it by 'appliance node stop --graceful'")
    return 0


def _bring_up(paths: Paths, settings: Settings, running: bool) -> int:
    if running:
        restarted = start.refresh(paths, settings)
        print(f"restarted: {', '.join(restarted)}" if restarted else "the running programs follow the change")
    else:
        start.start(paths)
        if not start.managed(paths):
            print("started in the background: nothing starts it again after a crash or a reboot")
    standing = start.wait(paths, settings)
    if not standing.complete:
        print(f"appliance-setup: {start.explain(paths, standing)}", file=sys.stderr)
    print(f"VIP {settings.vip.address}: {standing.owner or 'no owner'}")
    if settings.lb.floating and standing.verdict in start.NOT_YET:
        print(
            "the VIP waits for the load balancer that Marathon runs: 'appliance marathon-app' prints its app"
        )
    return 0 if standing.owner else EXIT_NO_OWNER


def _show(seen: Survey, stale: Sequence[str], *, in_full: bool) -> None:
    if not seen.changes and not stale:
        print("in sync: nothing to change")
        return
    for finding in seen.findings:
        if finding.id in ("marathon", "peers", "domain") and finding.level is Level.OK:
            print(f"{finding.id}: {finding.text}")
    for change in seen.changes:
        generated = change.present is None and change.file.path.suffix != ".toml"
        print(change.summary() if generated and not in_full else change.diff(), end="")
    if stale and not seen.changes:
        print(f"the files are in sync, but older settings are in use by: {', '.join(stale)}")


def _confirm(yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody to ask here: give --yes to apply, or --dry-run to look only")
    if input("Apply this? [y/N] ").strip().lower() not in ("y", "yes"):
        raise ApplianceError("nothing written, as you say")


def _asked(arguments: argparse.Namespace) -> Asked:
    return Asked(
        vip=arguments.vip or "",
        interface=arguments.interface,
        peers=tuple(arguments.peer),
        marathon=tuple(arguments.marathon),
        marathon_ca_cert=str(Path(arguments.marathon_ca_cert).absolute())
        if arguments.marathon_ca_cert
        else "",
        mesos=arguments.mesos or "",
        groups=tuple(arguments.group),
        virtual_router_id=arguments.vrid,
        cluster_secret=secret_in(arguments.secret_file) if arguments.secret_file else "",
        mode=arguments.mode,
        domain=arguments.domain or "",
        dns_servers=tuple(arguments.dns_server),
    )


def _address(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not an IPv4 address") from None


def _peer(text: str) -> Node:
    name, equals, address = text.rpartition("=")
    if equals and not NAME.fullmatch(name):
        raise argparse.ArgumentTypeError(f"'{name}' is not a node's name: letters, digits, '.', '_' and '-'")
    return Node(name or address, _address(address))


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"'{text}' does not start with http:// or https://")
    return text.rstrip("/")


def _master(text: str) -> str:
    return text.rstrip("/") if text.startswith("zk://") else _url(text)


def _vrid(text: str) -> int:
    if not (text.isdigit() and 1 <= int(text) <= 255):
        raise argparse.ArgumentTypeError(f"'{text}' is not within 1 to 255")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
