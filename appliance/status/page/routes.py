"""The page's addresses at the agent. All of them only read."""

from __future__ import annotations

import json
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Callable

import bottle

from appliance import templating
from appliance.status import events
from appliance.status.page import pages
from appliance.status.page.limits import Limits
from appliance.status.page.peers import EVENTS_PAGE

if TYPE_CHECKING:
    from appliance.paths import Paths
    from appliance.settings import Settings
    from appliance.status.page.live import Live

EVENTS_TOLD = 60
EVENTS_SCHEMA = "marathon-ha-appliance/events/1"
FILES = {
    "page.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
FOR_A_DAY = {**HEADERS, "Cache-Control": "max-age=86400"}
"""Files, whose addresses carry the version."""


def add(app: Any, paths: Paths, settings: Callable[[], Settings], live: Live) -> None:
    """To the WSGI application."""
    limits = Limits()

    def page() -> Any:
        if not limits.allow(client(), time.monotonic()):
            return _answer("too many requests from this address\n", "text/plain", status=429, Retry_After="2")
        node, url = settings().cluster.node.name, _url()
        picture = live.look()
        found = pages.page(url, picture, paths, node)
        return _answer(pages.document(url, found, picture, node) if found else "", "text/html")

    def file(name: str) -> Any:
        text = (templating.folder() / "page" / name).read_text(encoding="utf-8")
        return bottle.HTTPResponse(text, headers={**FOR_A_DAY, "Content-Type": FILES[name]})

    def happened() -> Any:
        told = {"schema": EVENTS_SCHEMA, "events": events.recent(paths.events, EVENTS_TOLD)}
        return _answer(json.dumps(told) + "\n", "application/json")

    for path in pages.PAGES:
        app.get(path, callback=page)
    for name in FILES:
        app.get(f"/status/{name}", callback=lambda name=name: file(name))
    app.get(EVENTS_PAGE, callback=happened)


def client() -> str:
    """Who asks. HAProxy on this node says for whom it does; nobody else is believed."""
    peer = str(bottle.request.environ.get("REMOTE_ADDR", ""))
    said = str(bottle.request.headers.get("X-Forwarded-For", ""))
    return said[:64] if said and _is_loopback(peer) else peer


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _url() -> str:
    query = bottle.request.query_string
    return f"{bottle.request.path}?{query}" if query else str(bottle.request.path)


def _answer(text: str, content_type: str, status: int = 200, **more: str) -> Any:
    headers = {**HEADERS, "Content-Type": f"{content_type}; charset=utf-8"}
    headers.update({name.replace("_", "-"): value for name, value in more.items()})
    return bottle.HTTPResponse(text, status=status, headers=headers)
