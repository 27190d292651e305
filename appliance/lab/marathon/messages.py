"""What goes over HTTP, as values: a request, an answer, and the answer's bytes. Pure."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from appliance.lab.marathon.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    """Decoded, without the query."""
    query: Mapping[str, list[str]]
    accepts: tuple[str, ...]
    """Values of the Accept headers, one a line."""
    client_ip: str
    body: bytes = b""
    uri: str = ""
    """As it was sent."""
    headers: tuple[tuple[str, str], ...] = ()

    def flag(self, name: str, default: bool = False) -> bool:
        values = self.query.get(name)
        return default if values is None else values[-1].lower() == "true"

    def value(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[-1]

    def header(self, name: str) -> str:
        return ", ".join(value for key, value in self.headers if key.lower() == name.lower())

    def json(self) -> Any:
        """The body; raises the 400 that Marathon answers."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise RefusedError(400, {"message": "Invalid JSON", "details": str(error)}) from None


@dataclass(frozen=True)
class Answer:
    body: Any = None
    """JSON; bytes that are JSON already; text where `content_type` says so; None for an empty body."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    bare: bool = False
    """As another master answered it: nothing is added."""


@dataclass(frozen=True)
class Payload:
    """An answer on its way to the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    gzip: bool
    """Send it compressed."""
    length: int | None = None
    """Content-Length to promise; None = chunked, as Jetty does."""
    pause_s: float = 0.0
    """Above 0 the body drips, 64 bytes a pause."""


def page(status: int, request: Request, headers: Mapping[str, str] | None = None, reason: str = "") -> Answer:
    """Jetty's error page."""
    named = reason or HTTPStatus(status).phrase
    body = (
        "<html>\n<head>\n"
        '<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>\n'
        f"<title>Error {status} {named}</title>\n</head>\n"
        f"<body><h2>HTTP ERROR {status}</h2>\n<p>Problem accessing {html.escape(request.path)}. Reason:\n"
        f"<pre>    {html.escape(named)}</pre></p>\n</body>\n</html>\n"
    )
    return Answer(body, status, headers or {}, "text/html;charset=iso-8859-1")


def with_body(payload: Payload, body: bytes, content_type: str = "application/json") -> Payload:
    return replace(payload, body=body, headers={**payload.headers, "Content-Type": content_type})
