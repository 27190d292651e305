"""HAPROXY_ labels: text that anybody may have written, to values that are safe wherever they are rendered.

Each label has its own grammar. A value outside of it is a LabelError naming the label and what to write
instead; an empty value is the same as no label; unknown labels are ignored.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.haproxy.model import Mode

if TYPE_CHECKING:
    from collections.abc import Mapping

_BY_INDEX = re.compile(r"HAPROXY_(0|[1-9][0-9]{0,4})_([A-Z0-9_]+)")
_TRUE = ("true", "t", "yes", "y")
_UNSUPPORTED_PROTECTION = ("AUTH", "BACKEND_NETWORK_ALLOWED_ACL")
"""Serving an app that carries one of these without honouring it would open it to everybody."""

_HOST_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_HOST_LABEL}(\.{_HOST_LABEL})*")
_WILDCARD = re.compile(rf"\*(\.{_HOST_LABEL})+")
_PATH = re.compile(r"/[A-Za-z0-9/._~!&*+,;=:@%()-]{0,1023}")
"""What needs no quoting in haproxy.cfg nor in a map."""

_WORD = r"[A-Za-z0-9_.-]{1,64}"
_BALANCE = re.compile(
    r"roundrobin|static-rr|leastconn|first|source"
    r"|random(\([1-9][0-9]{0,2}\))?"
    rf"|rdp-cookie(\({_WORD}\))?"
    rf"|hdr\({_WORD}\)( use_domain_only)?"
    rf"|url_param {_WORD}( check_post( [0-9]{{1,6}})?)?"
    r"|uri( (len|depth) [1-9][0-9]{0,3}| whole| path-only)*"
)
_HTTP_BALANCE = ("hdr(", "url_param ", "uri")


class LabelError(ValueError):
    """`label` is wrong for `reason`; nothing of it may be served."""

    def __init__(self, label: str, reason: str) -> None:
        super().__init__(f"{label}: {reason}")
        self.label = label
        self.reason = reason


@dataclass(frozen=True)
class ServiceLabels:
    """What the labels of one service port say; None where they say nothing."""

    vhosts: tuple[str, ...] = ()
    """Lower case, without a trailing dot."""
    wildcards: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    """Prefixes; lower case if `ignore_case`."""
    ignore_case: bool = False
    port: int | None = None
    mode: Mode | None = None
    balance: str = "roundrobin"
    sticky: bool = False
    redirect_to_https: bool = False

    @property
    def balance_needs_http(self) -> bool:
        return self.balance.startswith(_HTTP_BALANCE)


def by_index(labels: Mapping[str, str]) -> dict[int, dict[str, str]]:
    """The labels HAPROXY_{n}_X as n -> X -> value."""
    found: dict[int, dict[str, str]] = {}
    for name, value in labels.items():
        match = _BY_INDEX.fullmatch(name)
        if match:
            found.setdefault(int(match[1]), {})[match[2]] = value
    return found


def groups(labels: Mapping[str, str], n: int) -> frozenset[str]:
    """The groups of service `n`. Raises LabelError."""
    name = f"HAPROXY_{n}_GROUP" if labels.get(f"HAPROXY_{n}_GROUP") else "HAPROXY_GROUP"
    value = _clean(name, labels.get(name, ""))
    return frozenset(group.strip() for group in value.split(",") if group.strip())


def enabled(own: Mapping[str, str], default: bool) -> bool:
    return _boolean(own["ENABLED"]) if own.get("ENABLED") else default


def unsupported_protection(labels: Mapping[str, str]) -> str:
    """The first label that asks for a protection we cannot give yet, '' if there is none."""
    found = (name for name in sorted(labels) if name.startswith("HAPROXY_"))
    matches = ((name, _BY_INDEX.fullmatch(name)) for name in found)
    return next((name for name, match in matches if match and match[2] in _UNSUPPORTED_PROTECTION), "")


def service_labels(own: Mapping[str, str], n: int) -> ServiceLabels:
    """What the labels `own` (X -> value) of service `n` say. Raises LabelError."""
    value = {key: _clean(f"HAPROXY_{n}_{key}", own.get(key, "")) for key in _KNOWN}
    vhosts, wildcards = _vhosts(f"HAPROXY_{n}_VHOST", value["VHOST"])
    paths, ignore_case = _paths(f"HAPROXY_{n}_PATH", value["PATH"])
    return ServiceLabels(
        vhosts=vhosts,
        wildcards=wildcards,
        paths=paths,
        ignore_case=ignore_case,
        port=_port(f"HAPROXY_{n}_PORT", value["PORT"]),
        mode=_mode(f"HAPROXY_{n}_MODE", value["MODE"]),
        balance=_balance(f"HAPROXY_{n}_BALANCE", value["BALANCE"]),
        sticky=_boolean(value["STICKY"]),
        redirect_to_https=_boolean(value["REDIRECT_TO_HTTPS"]),
    )


_KNOWN = ("VHOST", "PATH", "PORT", "MODE", "BALANCE", "STICKY", "REDIRECT_TO_HTTPS")


# --- one grammar each -----------------------------------------------------------------------------
def _clean(label: str, value: str) -> str:
    """`value`, unless it holds what could end a line or hide in one: controls, separators, surrogates."""
    if not value.isascii() or not value.isprintable():
        for character in value:
            if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
                raise LabelError(label, f"holds the control character U+{ord(character):04X}; remove it")
    return value


def _boolean(value: str) -> bool:
    return value.lower() in _TRUE


def _vhosts(label: str, value: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names: dict[str, None] = {}
    wildcards: dict[str, None] = {}
    for item in value.lower().split(","):
        name = item.strip()
        name = name.removesuffix(".")
        if not name:
            continue
        if len(name) <= 253 and _WILDCARD.fullmatch(name):
            wildcards[name] = None
        elif len(name) <= 253 and _HOST.fullmatch(name):
            names[name] = None
        else:
            cure = (
                " (write its xn-- form)"
                if not name.isascii()
                else " (leave out the port)"
                if ":" in name
                else ""
            )
            raise LabelError(label, f"{_shown(item.strip())} is not a host name{cure}")
    return tuple(names), tuple(wildcards)


def _paths(label: str, value: str) -> tuple[tuple[str, ...], bool]:
    words = value.split()
    ignore_case = words[:1] == ["-i"]
    prefixes = words[1:] if ignore_case else words
    if ignore_case and not prefixes:
        raise LabelError(label, "names no path behind -i")
    for prefix in prefixes:
        if not _PATH.fullmatch(prefix):
            raise LabelError(label, f"{_shown(prefix)} is not a path prefix such as /a (or: -i /a /b)")
    if ignore_case:
        prefixes = [prefix.lower() for prefix in prefixes]
    return tuple(dict.fromkeys(prefixes)), ignore_case


def _port(label: str, value: str) -> int | None:
    text = value.strip()
    if not text:
        return None
    if not re.fullmatch("[0-9]{1,5}", text) or not 0 < int(text) < 65536:
        raise LabelError(label, f"{_shown(value)} is not a port; 1 to 65535 are")
    return int(text)


def _mode(label: str, value: str) -> Mode | None:
    text = value.strip().lower()
    if not text:
        return None
    if text not in ("http", "tcp"):
        raise LabelError(label, f"{_shown(value)} is not a mode; http and tcp are")
    return Mode(text)


def _balance(label: str, value: str) -> str:
    text = " ".join(value.split())
    if text and not _BALANCE.fullmatch(text):
        raise LabelError(label, f"{_shown(value)} is not a balance algorithm of HAProxy such as leastconn")
    return text or "roundrobin"


def _shown(value: str) -> str:
    return repr(value if len(value) <= 60 else f"{value[:60]}…")
