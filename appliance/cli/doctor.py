"""`appliance doctor`: a Marathon, call by call, against what is relied on; and who is not well there."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from appliance import settings as toml
from appliance.errors import MarathonError, UsageError
from appliance.marathon import failing, zookeeper
from appliance.marathon.access import Access, Credentials, masters
from appliance.marathon.client import Client
from appliance.marathon.ensemble import Ensemble
from appliance.marathon.examine import examine
from appliance.paths import Paths
from appliance.setup import discover

if TYPE_CHECKING:
    import argparse

    from appliance.cli.command import Parser

FINE, DIFFERENT, AILING = 0, 1, 2
DESCRIPTION = """Compares Marathon, read-only, with what is relied on. Names apps whose tasks keep failing,
and agents that the Mesos master lists as inactive.

Exit code 1: Marathon differs. 2: it does not, but some app or agent is not well."""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    doctor = commands.add_parser("doctor", help="compares Marathon, read-only, with what is relied on")
    doctor.description = DESCRIPTION
    doctor.add_argument(
        "--mesos", default="", metavar="URL", help="a Mesos master (default: masters' port 5050)"
    )
    doctor.add_argument(
        "--marathon", nargs="+", default=[], metavar="URL", help="masters (default: this node's)"
    )
    doctor.add_argument("--credentials-file", type=Path, metavar="FILE", help="user:password for Marathon")
    doctor.add_argument("--marathon-ca-cert", default="", metavar="FILE", help="CA of https masters")
    doctor.add_argument("--marathon-insecure", action="store_true", help="trust any certificate")
    doctor.set_defaults(call=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    paths = Paths.of(arguments.root)
    own = None
    if not arguments.marathon:
        if not paths.settings.exists():
            raise UsageError("which Marathon? this node is not set up: give --marathon URL")
        own = toml.load(paths.settings).marathon
    file = arguments.credentials_file or (
        Path(own.credentials_file) if own and own.credentials_file else None
    )
    login = Credentials.load(file) if file else None
    ca_cert = arguments.marathon_ca_cert or (own.ca_cert if own else "")
    verify = not arguments.marathon_insecure and (own is None or own.tls_verify)
    urls = _http(tuple(arguments.marathon) or (own.urls if own else ()), "https" if ca_cert else "http")
    logging.getLogger("appliance").addHandler(logging.NullHandler())  # each line below says it already
    code, ailing, frameworks = FINE, False, set()
    for url in urls:
        print(url)
        as_relied_on = True
        for result in examine(url, login, ca_cert, verify=verify):
            if result.difference:
                code, as_relied_on = DIFFERENT, False
            if result.framework:
                frameworks.add(result.framework)
            words = "; ".join(filter(None, (result.found, result.difference)))
            print(f"  {'DIFFERENT' if result.difference else 'OK':9}  {result.call}: {words}")
        found = _failing(Client(Access([url], login, ca_cert, verify=verify)), url) if as_relied_on else []
        ailing = ailing or bool(found)
        print("".join(f"  FAILING    {line}\n" for line in found), end="")
    if len(frameworks) > 1:
        print(
            "DIFFERENT  the masters are of several clusters, name those of one: "
            + ", ".join(f"framework {one}" for one in sorted(frameworks))
        )
        code = DIFFERENT
    inactive = _inactive(arguments.mesos, urls, login)
    return code or (AILING if ailing or inactive else FINE)


def _failing(client: Client, url: str) -> list[str]:
    """Empty, too, where it cannot be said: what this master answers was told before."""
    try:
        return failing.ask(client, url)
    except (MarathonError, ValueError, AttributeError):
        return []


def _inactive(mesos: str, urls: tuple[str, ...], login: Credentials | None) -> bool:
    """Tell what the Mesos master says; whether an agent of its list is inactive."""
    hosts = dict.fromkeys(host for url in urls if (host := urlsplit(url).hostname))
    listed = discover.agents_listed(mesos, tuple(hosts), login)
    if listed.agents is None:
        print(f"Mesos\n  UNKNOWN    {listed.source}; name a master by --mesos URL")
        return False
    agents = [agent for agent in listed.agents if isinstance(agent, dict)]
    gone = [agent for agent in agents if agent.get("active") is not True]
    print(f"{listed.source}\n  OK         lists {len(agents)} agents")
    for agent in gone:
        print(f"  INACTIVE   {agent.get('hostname')} ({agent.get('pid')}): its tasks are not to be trusted")
    return bool(gone)


def _http(urls: tuple[str, ...], scheme: str) -> tuple[str, ...]:
    """The masters, those that ZooKeeper names among them. Raises SettingsError, MarathonError."""
    found: list[str] = []
    for url in urls:
        if url.startswith("zk://"):
            netlocs = zookeeper.look(Ensemble.parse(url))
            print(f"{url}\n  OK         names {', '.join(netlocs)}: the first leads")
            found += [f"{scheme}://{netloc}" for netloc in netlocs]
        else:
            found.append(url)
    return masters(found)
