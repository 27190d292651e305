"""`appliance dns check|lines`: whether the domain leads to the VIP, and the records that make it so."""

from __future__ import annotations

import argparse
import ipaddress
from typing import TYPE_CHECKING

from appliance import settings
from appliance.domain import judge, lines, resolve
from appliance.domain.model import Target
from appliance.errors import UsageError
from appliance.paths import Paths

if TYPE_CHECKING:
    from appliance.cli.command import Parser

FINE, DEGRADED = 0, 2
TITLES = {
    "zone": "# a zone file",
    "hosts": "# /etc/hosts; it knows no wildcard",
    "dnsmasq": "# dnsmasq.conf; all names below are meant, too",
    "nsupdate": "# nsupdate, or 'nsupdate -k KEYFILE'",
}


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    dns = commands.add_parser("dns", help="whether the domain leads to the VIP; the records for it")
    verbs = dns.add_subparsers(title="verbs", metavar="VERB", required=True)
    check = verbs.add_parser("check", help="resolve the domain and compare it with the VIP")
    check.set_defaults(call=_check)
    show = verbs.add_parser("lines", help="print the records, ready to be copied")
    show.add_argument("kind", nargs="?", choices=lines.KINDS, help="only these; default: all, with titles")
    show.set_defaults(call=_lines)
    for verb, meaning in ((check, "ask this name server only"), (show, "the one that nsupdate sends to")):
        verb.add_argument("--domain", type=name, help="default: dns.domain of appliance.toml")
        verb.add_argument("--server", type=address, metavar="IP", help=meaning)


def name(text: str) -> str:
    """A flag's value that is a domain."""
    if settings.domain_fault(text):
        raise argparse.ArgumentTypeError(settings.domain_fault(text))
    return text


def address(text: str) -> str:
    """A flag's value that is a name server: an address, since its name would have to be resolved."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not an IP address") from None


def _target(arguments: argparse.Namespace) -> tuple[Target, settings.Settings]:
    wanted = settings.load(Paths.of(arguments.root).settings)
    target = Target.of(wanted, arguments.domain or "")
    if not target.domain:
        raise UsageError("which domain? give --domain, here or to appliance-setup")
    return target, wanted


def _check(arguments: argparse.Namespace) -> int:
    """Exit code 2 when any answer leads elsewhere, or nowhere."""
    target, wanted = _target(arguments)
    code = FINE
    for server in (arguments.server,) if arguments.server else ("", *wanted.dns.servers):
        answer = resolve.ask(target.domain, server)
        found = judge.faults(answer, target)
        if not found:
            print(f"OK  {target.domain} is {', '.join(answer.addresses)} by {answer.source}")
        for fault in found:
            code = DEGRADED
            print(f"{fault.id}  {fault}")
        for note in judge.notes(answer, target) if not answer.problem else ():
            print(f"note  {note}")
    return code


def _lines(arguments: argparse.Namespace) -> int:
    target, wanted = _target(arguments)
    server = arguments.server or next(iter(wanted.dns.servers), "")
    for kind in (arguments.kind,) if arguments.kind else lines.KINDS:
        if not arguments.kind:
            print(TITLES[kind])
        print("\n".join(lines.lines(kind, target, server)))
        if not arguments.kind:
            print()
    if not arguments.kind:
        print(f"# without any record\n{lines.without_dns(target)}")
    return FINE
