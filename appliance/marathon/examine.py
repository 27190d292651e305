"""A master, call by call, against what the client relies on. Reads only."""

from __future__ import annotations

import json
import queue
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Callable

from appliance.errors import MarathonError
from appliance.marathon import wire
from appliance.marathon.access import Access
from appliance.marathon.client import APPS, INFO, Client
from appliance.marathon.events import ATTACHED
from appliance.marathon.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.marathon.access import Login
    from appliance.marathon.events import Event

ATTACH_S = 5.0
_NOBODY = "/marathon-ha-appliance-asks-for-what-does-not-exist"
_SHOWN = 10


@dataclass(frozen=True)
class Result:
    """`difference` is '' where it is as the client wants it."""

    call: str
    found: str
    difference: str = ""
    framework: str = ""
    """The cluster's identity, where this call told it."""


def examine(url: str, login: Login | None, ca_cert: str = "", *, verify: bool = True) -> Iterator[Result]:
    """One Result after the other, each as soon as it is known. Raises SettingsError."""
    access = Access([url], login, ca_cert, verify=verify)
    client = Client(access)
    calls: tuple[tuple[str, Callable[[], Iterator[Result]]], ...] = (
        ("GET /ping", lambda: _ping(client, url)),
        (f"GET {INFO}", lambda: _info(client, url)),
        ("GET /v2/leader", lambda: _leader(client, url)),
        (f"GET {APPS}", lambda: _apps(client, url)),
        ("GET /v2/apps/ID", lambda: _one_app(client)),
        ("GET /v2/events", lambda: _events(access)),
        ("credentials", lambda: _credentials(url, login, ca_cert, verify=verify)),
    )
    for name, call in calls:
        yield from _results(name, call)


def _results(name: str, call: Callable[[], Iterator[Result]]) -> Iterator[Result]:
    try:
        for result in call():
            yield replace(result, call=name)
    except (MarathonError, ValueError, LookupError, TypeError) as error:
        yield Result(name, "", str(error))


def _ping(client: Client, url: str) -> Iterator[Result]:
    said = client.body(f"{url}/ping").decode("utf-8", "replace").strip().strip('"')
    yield Result("", said[:40], "" if said == "pong" else "is not 'pong'")


def _info(client: Client, url: str) -> Iterator[Result]:
    info = _object(client, url + INFO)
    yield Result("", f"version {info.get('version')}", "" if info.get("version") else "names no version")
    framework = info.get("frameworkId")
    cure = "" if framework else "names no frameworkId: another cluster would not be told from this one"
    yield Result("", f"framework {framework}", cure, str(framework or ""))
    header = client.leader
    cure = (
        "" if header else "no header X-Marathon-Leader: a change of the leader is noticed by the stream only"
    )
    yield Result("", f"X-Marathon-Leader {header}", cure)


def _leader(client: Client, url: str) -> Iterator[Result]:
    leader = _object(client, f"{url}/v2/leader")["leader"]
    yield Result("", str(leader))
    if not url.endswith(f"//{leader}"):
        yield Result("", f"{url} is no leader, or has another name than it gives itself: it is asked anyway")


def _apps(client: Client, url: str) -> Iterator[Result]:
    tree = json.loads(client.body(url + APPS))
    cluster = wire.apps(tree)
    entries = [entry for entry in tree["apps"] if isinstance(entry, dict)]
    dialects = {"1.5 or later" if "networks" in entry else "1.4 or earlier" for entry in entries}
    tasks = sum(len(app.tasks) for app in cluster.apps)
    dialect = f", JSON as of {' and '.join(sorted(dialects))}" if dialects else ""
    yield Result("", f"{len(cluster.apps)} apps, {tasks} tasks{dialect}")
    for one in cluster.unreadable[:_SHOWN]:
        yield Result("", "", f"{one.where} {one.reason}")
    if len(cluster.unreadable) > _SHOWN:
        yield Result("", "", f"and {len(cluster.unreadable) - _SHOWN} more that cannot be read")


def _one_app(client: Client) -> Iterator[Result]:
    for app in client.cluster().apps[:1]:
        one = client.app(app.id)
        same = [found.id for found in one.apps] == [app.id]
        yield Result("", app.id, "" if same else "is in the list, but not there alone")
    gone = client.app(_NOBODY)
    yield Result("", "an app that does not exist: 404", "" if not gone.apps else "is there nevertheless")


def _events(access: Access) -> Iterator[Result]:
    told: queue.Queue[tuple[str, Any]] = queue.Queue()
    watch = Watch(
        access,
        on_event=lambda event: told.put(("event", event)),
        on_attached=lambda url: told.put(("open", url)),
        on_lost=lambda reason: told.put(("lost", reason)),
    )
    watch.start()
    try:
        kind, what = told.get(timeout=ATTACH_S * 4)
        if kind != "open":
            raise MarathonError(str(what))
        yield Result("", "a stream of events is offered")
        first: Event | None = told.get(timeout=ATTACH_S)[1]
        own = getattr(first, "kind", "") == ATTACHED
        yield Result("", str(getattr(first, "kind", first)), "" if own else f"{ATTACHED} does not come first")
    except queue.Empty:
        yield Result("", "", f"no {ATTACHED} within {ATTACH_S:.0f} s: nothing proves that the stream lives")
    finally:
        watch.stop()


def _credentials(url: str, login: Login | None, ca_cert: str, *, verify: bool) -> Iterator[Result]:
    """Whether those that are given are asked for."""
    try:
        Client(Access([url], None, ca_cert, verify=verify)).body(url + INFO)
    except MarathonError as error:
        yield Result("", "without credentials nothing is answered", "" if login else str(error))
    else:
        given = "they are given, but not asked for" if login else ""
        yield Result("", "everybody may ask", given)


def _object(client: Client, url: str) -> dict[str, Any]:
    tree = json.loads(client.body(url))
    if not isinstance(tree, dict):
        raise MarathonError("is no JSON object")
    return tree
