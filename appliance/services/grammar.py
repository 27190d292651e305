"""One grammar for each kind of label value: what it may say, and what to write instead.

A value that passes cannot end a line of haproxy.cfg, nor mean anything but itself where it is rendered.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata

from appliance.haproxy import texts
from appliance.haproxy.model import Auth, Mode
from appliance.marathon.model import ip_address

_TRUE = ("true", "t", "yes", "y")

_HOST_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_HOST_LABEL}(\.{_HOST_LABEL})*")
_WILDCARD = re.compile(rf"\*(\.{_HOST_LABEL})+")
_PATH = re.compile(r"/[A-Za-z0-9/._~!&*+,;=:@%()-]{0,1023}")
"""What needs no quoting in haproxy.cfg nor in a map."""
_LOCATION = re.compile(r"(https?://[A-Za-z0-9.\[\]:_-]{1,260})?/[A-Za-z0-9/._~!&*+,;=:@%()?#-]{0,1023}")
_FILE = re.compile(r"/[A-Za-z0-9/._+@=-]{1,254}")

_WORD = r"[A-Za-z0-9_.-]{1,64}"
_BALANCE = re.compile(
    r"roundrobin|static-rr|leastconn|first|source"
    r"|random(\([1-9][0-9]{0,2}\))?"
    rf"|rdp-cookie(\({_WORD}\))?"
    rf"|hdr\({_WORD}\)( use_domain_only)?"
    rf"|url_param {_WORD}( check_post( [0-9]{{1,6}})?)?"
    r"|uri( (len|depth) [1-9][0-9]{0,3}| whole| path-only)*"
)
_CRYPTED = re.compile(
    r"\$(1|5|6|2[abxy]|7|y|gy|md5|sha1)[$,][./A-Za-z0-9$=,]{8,400}"  # the method is named
    r"|_[./A-Za-z0-9]{19}|[./A-Za-z0-9]{13}"  # DES
)

_NUMBER = "[0-9]{1,9}"
_TLS_VERSION = r"(SSLv3|TLSv1\.[0-3])"
_CIPHERS = r"[A-Za-z0-9_:+!@=.-]{1,1024}"
_BIND_KEYWORDS = {
    **dict.fromkeys(
        (
            *("accept-proxy", "allow-0rtt", "defer-accept", "no-ca-names", "no-sslv3", "no-tls-tickets"),
            *("no-tlsv10", "no-tlsv11", "no-tlsv12", "no-tlsv13", "force-sslv3", "force-tlsv10"),
            *("force-tlsv11", "force-tlsv12", "force-tlsv13", "prefer-client-ciphers", "ssl", "strict-sni"),
            *("tfo", "transparent", "v4v6", "v6only"),
        ),
        "",
    ),
    "accept-netscaler-cip": _NUMBER,
    "alpn": r"[a-z0-9./,-]{1,64}",
    "npn": r"[a-z0-9./,-]{1,64}",
    "backlog": _NUMBER,
    "ca-file": _FILE.pattern,
    "ca-ignore-err": r"(all|[0-9,]{1,200})",
    "ciphers": _CIPHERS,
    "ciphersuites": _CIPHERS,
    "crl-file": _FILE.pattern,
    "crt": _FILE.pattern,
    "crt-ignore-err": r"(all|[0-9,]{1,200})",
    "curves": _CIPHERS,
    "ecdhe": _WORD,
    "interface": r"[A-Za-z0-9._:-]{1,15}",
    "maxconn": _NUMBER,
    "mss": r"-?[0-9]{1,5}",
    "name": _WORD,
    "nice": r"-?[0-9]{1,4}",
    "proto": r"(h2|http/1\.1|h1)",
    "ssl-max-ver": _TLS_VERSION,
    "ssl-min-ver": _TLS_VERSION,
    "tcp-ut": r"[0-9]{1,9}(us|ms|s|m|h|d)?",
    "verify": r"(none|optional|required)",
}
"""What may stand on a bind line, and the argument of each; '' takes none."""


class LabelError(ValueError):
    """`label` is wrong for `reason`; nothing of it may be served."""

    def __init__(self, label: str, reason: str) -> None:
        super().__init__(f"{label}: {reason}")
        self.label = label
        self.reason = reason


def clean(label: str, value: str) -> str:
    """`value`, unless it holds what could end a line or hide in one: controls, separators, surrogates."""
    if not value.isascii() or not value.isprintable():
        for character in value:
            if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
                raise LabelError(label, f"holds the control character U+{ord(character):04X}; remove it")
    return value


def boolean(value: str) -> bool:
    return value.lower() in _TRUE


def vhosts(label: str, value: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Host names and wildcards, each in lower case and without a trailing dot."""
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
            raise LabelError(label, f"{shown(item.strip())} is not a host name{cure}")
    return tuple(names), tuple(wildcards)


def paths(label: str, value: str) -> tuple[tuple[str, ...], bool]:
    """Prefixes, and whether they ignore case."""
    words = value.split()
    ignore_case = words[:1] == ["-i"]
    prefixes = words[1:] if ignore_case else words
    if ignore_case and not prefixes:
        raise LabelError(label, "names no path behind -i")
    for prefix in prefixes:
        if not _PATH.fullmatch(prefix):
            raise LabelError(label, f"{shown(prefix)} is not a path prefix such as /a (or: -i /a /b)")
    if ignore_case:
        prefixes = [prefix.lower() for prefix in prefixes]
    return tuple(dict.fromkeys(prefixes)), ignore_case


def path(label: str, value: str) -> str:
    text = value.strip()
    if text and not _PATH.fullmatch(text):
        raise LabelError(label, f"{shown(text)} is not a path such as /a")
    return text


def location(label: str, value: str) -> str:
    text = value.strip()
    if text and not _LOCATION.fullmatch(text):
        raise LabelError(label, f"{shown(text)} is neither a path such as /a nor https://HOST/PATH")
    return text


def port(label: str, value: str) -> int | None:
    text = value.strip()
    if not text:
        return None
    if not re.fullmatch("[0-9]{1,5}", text) or not 0 < int(text) < 65536:
        raise LabelError(label, f"{shown(value)} is not a port; 1 to 65535 are")
    return int(text)


def whole(label: str, value: str, *, signed: bool = False) -> int | None:
    text = value.strip()
    if not text:
        return None
    if not re.fullmatch("-?[0-9]{1,9}" if signed else "[0-9]{1,9}", text):
        raise LabelError(label, f"{shown(value)} is not a whole number of at most nine digits")
    return int(text)


def mode(label: str, value: str) -> Mode | None:
    text = value.strip().lower()
    if not text:
        return None
    if text not in ("http", "tcp"):
        raise LabelError(label, f"{shown(value)} is not a mode; http and tcp are")
    return Mode(text)


def balance(label: str, value: str) -> str:
    text = " ".join(value.split())
    if text and not _BALANCE.fullmatch(text):
        raise LabelError(label, f"{shown(value)} is not a balance algorithm of HAProxy such as leastconn")
    return text or "roundrobin"


def auth(label: str, value: str) -> Auth | None:
    """realm:user:crypted; the password may hold colons, realm and user may not."""
    if not value:
        return None
    realm, _, rest = value.partition(":")
    user, _, password = rest.partition(":")
    if not (realm.strip() and user.strip() and password):
        raise LabelError(label, "is not REALM:USER:CRYPTED, none of them empty")  # the value is a secret
    if not _CRYPTED.fullmatch(password):
        raise LabelError(label, "its password is in no crypt(3) form; make one with: openssl passwd -6")
    return Auth(realm, user, password)


def networks(label: str, value: str) -> tuple[str, ...]:
    """Addresses and networks, as given, without duplicates."""
    found = dict.fromkeys(value.split())
    for word in found:
        try:
            ipaddress.ip_network(word, strict=False)
        except ValueError:
            raise LabelError(label, f"{shown(word)} is not a network such as 10.0.0.0/8") from None
        if "%" in word:
            raise LabelError(label, f"{shown(word)} names an interface; leave it out")
    return tuple(found)


def file(label: str, value: str) -> str:
    text = value.strip()
    if text and (not _FILE.fullmatch(text) or "/../" in f"{text}/"):
        raise LabelError(label, f"{shown(text)} is not the absolute path of a file")
    return text


def bind_address(label: str, value: str) -> str:
    text = value.strip()
    if text in ("", "*"):
        return "*"
    address = ip_address(text)
    if not address:
        raise LabelError(label, f"{shown(text)} is neither an IP address nor *")
    return address


def bind_options(label: str, value: str) -> str:
    words = value.split()
    position = 0
    while position < len(words):
        keyword = words[position]
        if keyword not in _BIND_KEYWORDS:
            raise LabelError(label, f"{shown(keyword)} is no option of a bind line that a label may set")
        argument = _BIND_KEYWORDS[keyword]
        if argument:
            position += 1
            given = words[position] if position < len(words) else ""
            if not re.fullmatch(argument, given):
                raise LabelError(label, f"{shown(given)} is nothing that {keyword} takes")
        position += 1
    return " ".join(words)


def template(label: str, text: str) -> str:
    """A text that replaces a part: several lines, each of them ended."""
    try:
        return texts.normal(text)
    except texts.TextError as error:
        raise LabelError(label, str(error)) from None


def shown(value: str) -> str:
    return repr(value if len(value) <= 60 else f"{value[:60]}…")
