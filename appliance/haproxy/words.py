"""Values as they have to stand in haproxy.cfg: quoted, as a regular expression, or taken literally."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.haproxy.model import Auth, Rules

_PLAIN_WORD = re.compile(r"[\w./:,;=&?!*~@%+-]+", re.ASCII)


def quoted(text: str) -> str:
    """`text` as one word of haproxy.cfg, whatever it holds (configuration manual, 2.2).

    Raises ValueError for a control character: no quoting keeps a line break inside a line.
    """
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError(f"a control character cannot stand in haproxy.cfg: {text!r}")
    if _PLAIN_WORD.fullmatch(text):
        return text
    return "'" + text.replace("'", "'\\''") + "'"


def literal(text: str) -> str:
    """`text` where HAProxy evaluates a format (8.2.6), and behind it the references of a regex."""
    return quoted(text.replace("%", "%%"))


def realm(auth: Auth) -> str:
    """As the quoted string of an HTTP header (RFC 7235), which HAProxy puts between its own quotes."""
    return quoted(auth.realm.replace("\\", "\\\\").replace('"', '\\"'))


def host_regex(rules: Rules) -> str:
    """Matches any of the vhosts, and nothing else."""
    return f"^{_hosts(rules)}$"


def prefix_regex(rules: Rules) -> str:
    """Matches a path that begins with what PROXYPASS takes off, in any case; the rest is the first group."""
    return f"(?i)^{re.escape(rules.proxypass_path)}/?(.*)$"


def location_regex(rules: Rules) -> str:
    """Matches a Location that is relative or on one of the vhosts."""
    own = f"https?://{_hosts(rules)}(:[0-9]+)?(/.*)?|" if rules.hosts else ""
    return f"(?i)^({own}/([^/].*)?)$"


def _hosts(rules: Rules) -> str:
    found = (
        re.escape(host).replace("\\*", ".+") if host[0] == "*" else re.escape(host) for host in rules.hosts
    )
    return f"({'|'.join(found)})"
