"""`appliance explain`: why the VIP is where it is, why an app is served or not, what an alarm means."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from appliance import settings
from appliance.marathon import store
from appliance.paths import Paths
from appliance.status import apps, cluster, explain

if TYPE_CHECKING:
    import argparse

    from appliance.cli.command import Parser

FINE, NOT_SERVED = 0, 2
DESCRIPTION = """Without a word: why the VIP is where it is. With an app's id: why it is served or not.
With an alarm's id: what it means and what to do.

Exit code 2: the app is not served, or not as it asks."""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    made = commands.add_parser("explain", help="why the VIP is here, why an app is (not) served, an alarm")
    made.description = DESCRIPTION
    made.add_argument("about", nargs="?", default="", metavar="APP|ALARM", help="an app's or an alarm's id")
    made.set_defaults(call=_explain)


def _explain(arguments: argparse.Namespace) -> int:
    known = explain.called(arguments.about)
    if known:
        print("\n".join(explain.alarm(known)))
        return FINE
    paths = Paths.of(arguments.root)
    own = settings.load(paths.settings)
    if not arguments.about:
        print("\n".join(explain.vip(cluster.ask(own), time.time())))
        return FINE
    name = f"/{arguments.about.strip('/')}"
    listing = apps.ask(paths.lb_socket)
    found = next((app for app in listing["apps"] if app["id"] == name), None)
    if found is not None:
        print("\n".join(explain.served(found)))
        return NOT_SERVED if found["quarantined"] or not found["services"] else FINE
    saved = store.load(paths.picture)
    groups = dict.fromkeys(group for vip in own.vips for group in own.groups_of(vip))
    print("\n".join(explain.unlisted(name, saved.cluster.apps if saved else None, tuple(groups))))
    return NOT_SERVED
