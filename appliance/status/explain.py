"""Why the VIP is where it is, why an app is served or not, what an alarm means: as lines for people. Pure."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from appliance.keepalived import priority
from appliance.services.labels import LabelError, groups
from appliance.status import alarms, apps
from appliance.status.table import ago

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from appliance.marathon.model import App
    from appliance.status.cluster import Row, View


def vip(view: View, now: float) -> Iterator[str]:
    """Each node's sum, what moved the VIP last, and what is wrong."""
    yield view.why
    yield from view.more
    for row in view.rows:
        yield ""
        yield from _node(row, now)
    for alarm in view.alarms:
        yield ""
        yield f"{alarm.id}: {alarm.text}"
        yield from (f"  {line}" for line in _reasons(alarms.kind(alarm.id)))


def alarm(identity: str) -> Iterator[str]:
    """Of an id in the table."""
    kind = alarms.ALARMS[identity]
    yield f"{kind.id} ({kind.level.value}): {kind.sign}"
    yield from _reasons(kind)
    yield from (f"  {command}" for command in kind.commands)


def called(name: str) -> str:
    """The id of the alarm that is called so, in whatever case; '' if none is."""
    return next((identity for identity in alarms.ALARMS if identity.lower() == name.lower()), "")


def served(app: Mapping[str, Any]) -> Iterator[str]:
    """Of an app in the generator's listing."""
    servers = [server for service in app["services"] for server in service["servers"]]
    works = [server for server in servers if server["state"].startswith(apps.UP)]
    if not app["services"]:
        yield f"{app['id']} is not served"
    elif not servers:
        yield f"{app['id']} has its routes, but no task that could answer: 503"
    elif not works:
        yield f"{app['id']} has its routes, but HAProxy finds none of its {len(servers)} servers up: 503"
    else:
        yield f"{app['id']} is served by {len(works)} of {len(servers)} servers"
    if app["quarantined"]:
        yield "  something that it asks for cannot be done:"
    yield from list(apps.lines({"apps": [app], "notices": []}, [app["id"]]))[1:]


def unlisted(name: str, running: Sequence[App] | None, wanted: Collection[str]) -> Iterator[str]:
    """Of an app that the generator does not list. `running`: what Marathon ran; None: not known.

    `wanted`: the groups that this node serves.
    """
    found = next((app for app in running or () if app.id == name), None)
    if running is None:
        yield f"{name} is not served, and what Marathon runs is not known on this node yet"
    elif found is None:
        near = difflib.get_close_matches(name, [app.id for app in running], n=3)
        yield f"{name} is not served: Marathon runs no such app"
        yield from (f"  did you mean {it}?" for it in near)
    elif not found.ports:
        yield f"{name} is not served: it has no port"
    else:
        here = ", ".join(wanted)
        yield f"{name} is not served: it asks for none of the groups of this load balancer ({here})"
        for index in range(len(found.ports)):
            yield f"  port {index}: {_asked(found, index)}"


def _asked(app: App, index: int) -> str:
    try:
        asked = sorted(groups(app.labels, index))
    except LabelError as error:
        return str(error)
    return f"HAPROXY_GROUP is {','.join(asked)}" if asked else "no HAPROXY_GROUP"


def _node(row: Row, now: float) -> Iterator[str]:
    if not row.facts:
        yield f"{row.name} does not answer: {row.problem}"
        return
    effective = priority.effective(row.rank, row.weight)
    yield f"{row.name}, {row.role}, announces {'nothing' if effective is None else effective}"
    yield f"  {priority.base(row.rank):4} for its rank, {row.rank}"
    if effective is not None:
        why = f": {', '.join(row.reasons)}" if row.reasons else ""
        yield f"  {row.weight:+4} for its verdict, {row.verdict.words}{why}"
    vrrp = row.part("vrrp")
    since = vrrp.get("state_since")
    if isinstance(since, (int, float)) and vrrp.get("cause"):
        yield f"  {vrrp.get('state')} for {ago(now - since)}: {vrrp['cause']}"


def _reasons(kind: alarms.Kind) -> Iterator[str]:
    yield from (f"may come of: {cause}" for cause in kind.causes)
    yield f"do: {kind.cure}"
