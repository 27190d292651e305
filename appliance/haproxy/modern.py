"""Directives that HAProxy removed (2.1), in users' texts: what says the same today, or a clear refusal."""

from __future__ import annotations

import re


class TextError(ValueError):
    """A text that cannot be used, and why."""


_ADD = re.compile(
    r"(req|rsp)i?add\s+(?P<value>(?:\\.|[^\s\\\"'])+|\"[^\"]*\"|'[^']*')(?P<rest>\s+(?:if|unless)\s.*)?"
)
_DELETE = re.compile(
    r"(?P<side>req|rsp)i?del\s+\"?'?\^?(?P<name>[A-Za-z0-9-]+):?(?:\.\*)?\"?'?(?P<rest>\s+(?:if|unless)\s.*)?"
)
_HEADER = re.compile(r"([A-Za-z0-9_-]+):\s*(.*)", re.DOTALL)
_PREFIX = re.compile(
    r"""reqi?rep\s+["']?\^\(\[\^(?:\\?\s)?:?(?:\\?\s)?\]\*\)\\\s"""
    r"""(?P<path>/[A-Za-z0-9/._~-]*)/\?\(\.\*\)["']?"""
    r"""\s+["']?\\1\\\s(?P<new>/[A-Za-z0-9/._~-]*?)\\2["']?\s*"""
)
_HOST = re.compile(
    r"""reqi?rep\s+["']?\^Host:(?:\\?\s)?\.?\*["']?\s+["']?Host:\\?\s?(?P<host>[A-Za-z0-9.:_-]+)["']?\s*"""
)
_LOCATION = re.compile(
    r"""rspi?rep\s+["']?\^Location:\\?\s?(?P<match>(?:\\.|[^\s"'\\])+)["']?"""
    r"""\s+["']?Location:(?:\\?\s)*(?P<new>(?:\\[0-9]|[^\s"'\\])+)(?:\s+if\s+\w+)?["']?\s*"""
)
MODERN = {
    "reqadd": "http-request add-header NAME VALUE",
    "reqdel": "http-request del-header NAME",
    "reqidel": "http-request del-header NAME",
    "reqrep": "http-request replace-header, replace-path or replace-uri",
    "reqirep": "http-request replace-header, replace-path or replace-uri",
    "reqdeny": "http-request deny if CONDITION",
    "reqideny": "http-request deny if CONDITION",
    "reqallow": "http-request allow if CONDITION",
    "reqiallow": "http-request allow if CONDITION",
    "reqpass": "http-request allow if CONDITION",
    "reqipass": "http-request allow if CONDITION",
    "reqtarpit": "http-request tarpit if CONDITION",
    "reqitarpit": "http-request tarpit if CONDITION",
    "rspadd": "http-response add-header NAME VALUE",
    "rspdel": "http-response del-header NAME",
    "rspidel": "http-response del-header NAME",
    "rsprep": "http-response replace-header NAME REGEX VALUE",
    "rspirep": "http-response replace-header NAME REGEX VALUE",
    "rspdeny": "http-response deny if CONDITION",
    "rspideny": "http-response deny if CONDITION",
    "block": "http-request deny if CONDITION",
    "forceclose": "option httpclose",
    "clitimeout": "timeout client TIME",
    "contimeout": "timeout connect TIME",
    "srvtimeout": "timeout server TIME",
    "redisp": "option redispatch",
    "redispatch": "option redispatch",
    "appsession": "stick-table and stick on",
    "monitor-net": "monitor-uri, or http-request return status 200 if { src NET }",
    "bind-process": "nothing: HAProxy runs one process with threads",
    "grace": "nothing: listeners are handed over at a reload",
}
_REMOVED_OPTIONS = {
    "forceclose": "option httpclose",
    "http-tunnel": "nothing: it was removed",
    "http-use-htx": "nothing: it is always so",
    "httpclose-pretend": "option httpclose",
}


def modern(text: str) -> str:
    """`text` with removed directives in today's words. Raises TextError if their meaning is uncertain."""
    if not _old(text):
        return text
    return "\n".join(_modern_line(line) for line in text.split("\n"))


def _old(text: str) -> bool:
    for line in text.split("\n"):
        words = line.split(None, 2)
        if words and (
            words[0] in MODERN or (words[0] == "option" and words[1:] and words[1] in _REMOVED_OPTIONS)
        ):
            return True
    return False


def _modern_line(line: str) -> str:
    statement = line.strip()
    words = statement.split(None, 2)
    word = words[0] if words else ""
    if word == "option" and words[1:] and words[1] in _REMOVED_OPTIONS:
        raise TextError(f"HAProxy removed 'option {words[1]}'; write: {_REMOVED_OPTIONS[words[1]]}")
    if word not in MODERN:
        return line
    found = _translated(word, statement)
    if not found:
        raise TextError(f"HAProxy removed '{word}' ({short(statement)}); write: {MODERN[word]}")
    return "\n".join(f"  {one}" for one in found)


def _translated(word: str, statement: str) -> list[str]:
    """What says the same today; nothing if that is not certain."""
    for translate in (_added, _deleted, _host, _prefix, _location, _blocked):
        found = translate(word, statement)
        if found:
            return [found]
    return []


def _rule(word: str) -> str:
    return "http-request" if word.startswith("req") else "http-response"


def _flag(word: str) -> str:
    return "(?i)" if word in ("reqirep", "rspirep") else ""


def _added(word: str, statement: str) -> str:
    match = _ADD.fullmatch(statement)
    header = _HEADER.fullmatch(_plain(match["value"])) if match else None
    if match is None or header is None:
        return ""
    return f"{_rule(word)} add-header {header[1]} {_fmt(header[2])}{match['rest'] or ''}"


def _deleted(word: str, statement: str) -> str:
    match = _DELETE.fullmatch(statement)
    return f"{_rule(word)} del-header {match['name']}{match['rest'] or ''}" if match else ""


def _host(_: str, statement: str) -> str:
    match = _HOST.fullmatch(statement)
    return f"http-request set-header Host {match['host']}" if match else ""


def _prefix(word: str, statement: str) -> str:
    match = _PREFIX.fullmatch(statement)
    if match is None:
        return ""
    return f"http-request replace-path '{_flag(word)}^{re.escape(match['path'])}/?(.*)$' '{match['new']}\\1'"


def _location(word: str, statement: str) -> str:
    match = _LOCATION.fullmatch(statement)
    if match is None or "#" in match["match"]:
        return ""
    new = match["new"].replace("%", "%%")
    return f"http-response replace-header Location '{_flag(word)}^{match['match']}' '{new}'"


def _blocked(_: str, statement: str) -> str:
    return f"http-request deny{statement[5:]}" if re.match(r"block\s+(if|unless)\s", statement) else ""


def _plain(word: str) -> str:
    """A word of haproxy.cfg as HAProxy reads it."""
    if word[:1] in "\"'":
        return word[1:-1]
    return re.sub(r"\\(.)", r"\1", word)


def _fmt(value: str) -> str:
    """`value` as one word that HAProxy takes literally where it evaluates a format."""
    return "'" + value.replace("%", "%%").replace("'", "'\\''") + "'"


def short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 80 else f"{text[:80]}…"
