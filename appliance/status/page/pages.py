"""Which page shows what: an address becomes a title and sections of HTML, replaced each on its own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable
from urllib.parse import parse_qs, quote, urlencode

from markupsafe import Markup

from appliance import __version__, templating
from appliance.errors import ApplianceError
from appliance.status import table
from appliance.status.page import kept
from appliance.status.page.applist import FIRST_SERVERS, app_line, matching
from appliance.status.page.spark import amount, points
from appliance.status.redacted import redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.paths import Paths
    from appliance.status.page.picture import Picture

KINDS = (
    *("vrrp", "priority", "verdict", "drain", "notify", "trust"),
    *("generation", "rollback", "quarantine", "alarm"),
)
FEW_APPS, MANY_APPS = 20, 40
FEW_EVENTS, MANY_EVENTS = 15, 100
FEW_GENERATIONS = 5
MOST_SERVERS = 500
NAVIGATION = (
    ("/", "Overview"),
    ("/status/apps", "Apps"),
    ("/status/events", "Events"),
    ("/status/generations", "Configuration"),
)


@dataclass(frozen=True)
class Section:
    name: str
    html: str

    @property
    def hash(self) -> str:
        """Another one when the HTML is."""
        return hashlib.blake2b(self.html.encode("utf-8", "replace"), digest_size=6).hexdigest()


@dataclass(frozen=True)
class Page:
    heading: str
    sections: tuple[Section, ...]
    search: str | None = None
    """What the search field holds; None: there is no such field."""
    follows: bool = True
    """Whether it changes."""


@dataclass(frozen=True)
class Asked:
    """What a page is made of."""

    picture: Picture
    paths: Paths
    node: str
    """The name of this one."""
    query: Mapping[str, str]


def load() -> None:
    """Compile the templates now: who asks first shall not wait for that."""
    environment = templating.environment(html=True)
    for name in environment.list_templates(filter_func=lambda name: name.startswith("page/")):
        if name.endswith(".j2"):
            environment.get_template(name)


def page(url: str, picture: Picture, paths: Paths, node: str) -> Page | None:
    """What stands at `url` (path and query) now; None: there is no such page."""
    path, _, text = url.partition("?")
    show = PAGES.get(path)
    if show is None:
        return None
    query = {key: values[-1] for key, values in parse_qs(text, max_num_fields=10).items()}
    return show(Asked(picture, paths, node, query))


def document(url: str, found: Page, picture: Picture, node: str) -> str:
    """The whole HTML."""
    return templating.render(
        "page/layout.html.j2",
        title=f"{found.heading} - {node}",
        heading=found.heading,
        sections=[
            {"name": section.name, "hash": section.hash, "html": Markup(section.html)}  # noqa: S704 - ours
            for section in found.sections
        ],
        search=found.search,
        follows=found.follows,
        url=url,
        path=url.partition("?")[0],
        node=node,
        navigation=NAVIGATION,
        now=table.rfc3339(picture.at),
        version=__version__,
    )


def _overview(asked: Asked) -> Page:
    picture = asked.picture
    status = _section("status", why=picture.why, alarms=picture.alarms)
    sections = (
        status,
        _section("nodes", cards=picture.cards),
        _section("traffic", rates=picture.served.rates, node=asked.node),
        _app_section(asked, FEW_APPS, "/status/apps", "Apps"),
        _section("events", happened=_redacted(picture.happened[:FEW_EVENTS]), choices=(), kind="", link=True),
        _generation_section(asked, FEW_GENERATIONS),
    )
    return Page(f"VIP {picture.vip} {_where(picture)}", sections)


def _where(picture: Picture) -> str:
    return f"is on {' and '.join(picture.owners)}" if picture.owners else "is on no node"


def _apps(asked: Asked) -> Page:
    return Page(
        "Apps",
        (_app_section(asked, MANY_APPS, "/status/apps", f"As {asked.node} serves them"),),
        search=asked.query.get("q", ""),
    )


def _app_section(asked: Asked, most: int, address: str, title: str) -> Section:
    served, words = asked.picture.served, asked.query.get("q", "")[:200]
    found = matching(served.apps, words)
    number = _number(asked.query.get("page", ""), 1)
    first = min((number - 1) * most, max(len(found) - 1, 0) // most * most)
    links = []
    if most == FEW_APPS and len(found) > most:
        links = [(address, f"All {len(found)} apps, and find one")]
    elif most == MANY_APPS:
        other = {"Before": first // most, "Next": first // most + 2}
        links = [
            (f"{address}?{urlencode({'q': words, 'page': place})}", title)
            for title, place in other.items()
            if 1 <= place <= -(-len(found) // most)
        ]
    return _section(
        "apps",
        title=title,
        problem=served.problem,
        all=len(served.apps),
        found=len(found),
        quarantined=served.quarantined,
        short=served.short,
        lines=[app_line(app, served) for app in found[first : first + most]],
        first=first + 1,
        most=FIRST_SERVERS,
        links=links,
        notices=served.notices,
    )


def _app(asked: Asked) -> Page:
    served, wanted = asked.picture.served, asked.query.get("id", "")
    found = next((app_line(app, served) for app in served.apps if app["id"] == wanted), None)
    return Page(wanted or "App", (_section("app", line=found, problem=served.problem, most=MOST_SERVERS),))


def _events(asked: Asked) -> Page:
    kind = asked.query.get("kind", "")
    wanted = [event for event in asked.picture.happened if kind in ("", event["kind"])]
    there = {str(event["kind"]) for event in asked.picture.happened}
    choices = [("/status/events", "all")]
    choices += [(f"/status/events?kind={quote(word)}", word) for word in KINDS if word in there]
    happened = _redacted(tuple(wanted[:MANY_EVENTS]))
    section = _section("events", happened=happened, choices=choices, kind=kind or "all", link=False)
    return Page("Events", (section,))


def _generations(asked: Asked) -> Page:
    return Page("Configuration", (_generation_section(asked, None),))


def _generation_section(asked: Asked, most: int | None) -> Section:
    found, held, problem = kept.generations(asked.paths)
    return _section(
        "generations",
        found=found[:most],
        held=held,
        problem=problem,
        node=asked.node,
        link=most is not None and len(found) > most,
    )


def _generation(asked: Asked) -> Page:
    number = _number(asked.query.get("number", ""), 0)
    try:
        section = _section("generation", one=kept.detail(asked.paths, number), problem="")
    except ApplianceError as error:
        section = _section("generation", one=None, problem=str(error))
    return Page(f"Generation {number} of {asked.node}", (section,), follows=False)


PAGES: dict[str, Callable[[Asked], Page]] = {
    "/": _overview,
    "/status/apps": _apps,
    "/status/app": _app,
    "/status/events": _events,
    "/status/generations": _generations,
    "/status/generation": _generation,
}


def _redacted(happened: tuple[Mapping[str, Any], ...]) -> list[dict[str, Any]]:
    return [{**event, "message": redacted(str(event["message"]))} for event in happened]


def _section(name: str, **values: object) -> Section:
    tools = {"rfc3339": table.rfc3339, "points": points, "amount": amount, "kinds": KINDS}
    return Section(name, templating.render(f"page/{name}.html.j2", **tools, **values).strip())


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and 0 < len(text) < 10 else otherwise
