"""Server lines of a configuration as records: what may come, change and go while HAProxy runs. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.haproxy.model import TLS_KEYWORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.haproxy.model import Backend

Version = tuple[int, ...]

_DYNAMIC = frozenset(("roundrobin", "leastconn", "first", "random"))
"""Other algorithms build their tables when the configuration is read."""
_AT_START_ONLY = frozenset(
    (
        "resolvers",
        "init-addr",
        "init-state",
        "namespace",
        "redir",
        "tcp-ut",
        "non-stick",
        "guid",
        "resolve-opts",
    )
)
"""Keywords that `add server` refuses (configuration manual, 5.2, "dynamic servers")."""
_OF_BACKEND = re.compile(r"^\s*(server|server-template|default-server|use-server)\s", re.MULTILINE)
_BALANCE = re.compile(r"^\s*balance\s+(\S+)", re.MULTILINE)
_CONSISTENT = re.compile(r"^\s*hash-type\s+consistent", re.MULTILINE)
_PLAIN = re.compile(r"[\w.,:/@=+*%()\[\]~!?|-]+", re.ASCII)
"""Words that mean the same on the runtime API as in the file."""
_PLACE = re.compile(r"(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\]):\d+", re.ASCII)
"""Added servers have addresses; names are looked up at the start only."""
_FIRST_VERSION = (2, 5)
_FIRST_VERSION_WITH_COOKIE = (3, 0)


@dataclass(frozen=True)
class Line:
    """One server, as its line in the file says it."""

    name: str
    place: str
    """address:port"""
    keywords: tuple[str, ...] = ()
    """All but the three below."""
    id: int = 0
    weight: int = 1
    disabled: bool = False
    plain: bool = True
    """Whether each word may be said on the runtime API as it stands."""

    @property
    def checked(self) -> bool:
        return "check" in self.keywords


@dataclass(frozen=True)
class Pool:
    """The servers of one backend, and what stands against changing them while HAProxy runs."""

    lines: tuple[Line, ...] = ()
    fixed: str = ""
    """Why no server can be added; '' if one can."""
    closed: str = ""
    """Why nothing about its servers can be changed."""
    sticky: bool = False
    """Clients come back to a server that only drains, so it has to be in maintenance at once."""


def pool(backend: Backend, version: Version, head: str = "") -> Pool:
    """Of `backend` as HAProxy `version` takes it. `head`: what the operator wrote above all sections."""
    texts = "".join(text for _, text in backend.texts)
    lines = tuple(line(one) for one in server_lines(backend))
    return Pool(
        lines,
        fixed=_fixed(backend, texts, version) or _inherited(head),
        closed=_closed(texts, lines),
        sticky=backend.sticky or " cookie " in texts,
    )


def line(text: str) -> Line:
    """Read the line of a server: `server NAME PLACE KEYWORDS`."""
    words = text.split()
    name, place, rest = (words[1], words[2], iter(words[3:])) if len(words) > 2 else ("", "", iter(()))
    keywords, numbers, disabled = [], {"id": 0, "weight": 1}, False
    plain = "\n" not in text.strip() and all(_PLAIN.fullmatch(word) for word in words)
    plain = plain and _PLACE.fullmatch(place) is not None
    for word in rest:
        if word in numbers:
            number = next(rest, "")
            plain = plain and number.isdecimal()
            numbers[word] = int(number) if number.isdecimal() else 0
        elif word in {"disabled", "enabled"}:
            disabled = word == "disabled"
        else:
            keywords.append(word)
    return Line(name, place, tuple(keywords), numbers["id"], numbers["weight"], disabled, plain)


def lines_of(config: str) -> dict[str, dict[str, Line]]:
    """The servers in the text of a configuration, by backend and name."""
    found: dict[str, dict[str, Line]] = {}
    section: dict[str, Line] = {}
    for text in config.splitlines():
        if text.startswith("backend "):
            section = found.setdefault(text.split()[1], {})
        elif text.startswith("  server "):
            read = line(text)
            section[read.name] = read
        elif text and not text.startswith((" ", "\t", "#")):
            section = {}
    return found


def server_lines(backend: Backend) -> Iterator[str]:
    """What stands in the file, without the blanks before it."""
    keywords = _keywords(backend)
    for server in backend.servers:
        if server.text:
            yield server.text.strip()
        else:
            cookie = f" cookie {server.cookie}" if backend.sticky else ""
            own = _keywords(backend, server.check_port) if server.check_port else keywords
            disabled = " disabled" if server.disabled else ""
            yield f"server {server.name} {server.place} id {server.id}{cookie}{own}{disabled}"


def _keywords(backend: Backend, check_port: int | None = None) -> str:
    """What every server line of `backend` ends with. A sticky server is always checked, as upstream's."""
    tls = TLS_KEYWORDS if backend.tls else ""
    if backend.check is None:
        return f"{tls} check" if backend.sticky else tls
    return tls + backend.check.keywords(check_port, tls=backend.tls)


def _fixed(backend: Backend, texts: str, version: Version) -> str:
    if version < _FIRST_VERSION:
        return "this HAProxy adds no servers while it runs"
    if (backend.sticky or " cookie " in texts) and version < _FIRST_VERSION_WITH_COOKIE:
        return "a server with a cookie can be added from HAProxy 3.0 on"
    written = _BALANCE.findall(texts)
    balance = written[-1] if written else backend.balance.split()[0] if backend.balance else ""
    if balance.partition("(")[0] not in _DYNAMIC and not _CONSISTENT.search(texts):
        return f"'balance {balance}' takes its servers only when it starts"
    return ""


def _inherited(head: str) -> str:
    return (
        "the operator's HEAD says 'default-server', which added servers do not inherit"
        if ("default-server" in head)
        else ""
    )


def _closed(texts: str, lines: tuple[Line, ...]) -> str:
    own = _OF_BACKEND.search(texts)
    if own:
        return f"its own text says '{own[1]}'"
    if len({one.name for one in lines}) < len(lines):
        return "two of its servers have one name"
    for one in lines:
        if not one.plain:
            return "a server's own text says more than an address and plain words"
        for word in one.keywords:
            if word in _AT_START_ONLY:
                return f"'{word}' of a server is read only when HAProxy starts"
    return ""
