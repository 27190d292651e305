"""`appliance doctor`: a Marathon, call by call, against what this appliance relies on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from appliance import settings as toml
from appliance.errors import UsageError
from appliance.marathon import zookeeper
from appliance.marathon.access import Credentials, masters
from appliance.marathon.ensemble import Ensemble
from appliance.marathon.examine import examine
from appliance.paths import Paths

if TYPE_CHECKING:
    import argparse

    from appliance.cli.command import Parser

FINE, DIFFERENT = 0, 1


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    doctor = commands.add_parser("doctor", help="compares Marathon, read-only, with what is relied on")
    doctor.add_argument(
        "--marathon", nargs="+", default=[], metavar="URL", help="masters (default: this node's)"
    )
    doctor.add_argument("--credentials-file", type=Path, metavar="FILE", help="user:password for Marathon")
    doctor.add_argument("--marathon-ca-cert", default="", metavar="FILE", help="CA of https masters")
    doctor.add_argument("--marathon-insecure", action="store_true", help="trust any certificate")
    doctor.set_defaults(call=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    """Exit code 0 when there is no difference at any master, else 1."""
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
    code = FINE
    for url in _http(tuple(arguments.marathon) or (own.urls if own else ()), "https" if ca_cert else "http"):
        print(url)
        for result in examine(url, login, ca_cert, verify=verify):
            if result.difference:
                code = DIFFERENT
            words = "; ".join(filter(None, (result.found, result.difference)))
            print(f"  {'DIFFERENT' if result.difference else 'OK':9}  {result.call}: {words}")
    return code


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
