"""marathon-lb's environment variables: those of the generator, and those of its image's entry point."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

LAST_CERTIFICATE = 100
VARIABLES = (
    ("HAPROXY_<TEMPLATE>", "a template of one's own, as the file templates/HAPROXY_<TEMPLATE>"),
    ("HAPROXY_GLOBAL_DEFAULT_OPTIONS", "keywords of 'option' for all proxies, comma separated"),
    ("FRAMEWORK_NAME", "the app /FRAMEWORK_NAME is not served: it is the load balancer itself"),
    ("DCOS_SERVICE_ACCOUNT_CREDENTIAL", "the same as --dcos-auth-credentials"),
    ("APPLIANCE_ROOT", "the same as --root"),
)
"""Heeded always."""
RUN_VARIABLES = (
    ("PORTS", "noted in the log; marathon-lb refuses to start without it"),
    (
        "HAPROXY_SSL_CERT",
        "PEM text of certificate and key, put at /etc/ssl/cert.pem; '\\n' is a line end",
    ),
    ("HAPROXY_SSL_CERT0 … 100", "more of them, put at /etc/ssl/cert0.pem …, heeded besides HAPROXY_SSL_CERT"),
    ("HAPROXY_SYSCTL_PARAMS", "NAME=VALUE ... for 'sysctl -w'; a failure ends the start"),
    ("HAPROXY_SYSCTL_NONSTRICT", "if set, that failure is only told"),
    ("HAPROXY_SYSLOGD", "if set, HAProxy logs each connection to stdout; there is no syslog daemon"),
    ("SYSLOG_SOCKET", "the same as --syslog-socket"),
    ("POLL_INTERVAL", "seconds between reads in the mode poll (60)"),
    ("MESOS_SANDBOX", "templates are taken from its folder templates/, and our files lie in it"),
    ("MARATHON_USER, MARATHON_PASSWORD", "the same as --auth-credentials"),
    ("VAULT_TOKEN", "refused: credentials are not fetched from Vault"),
    ("TINI_SUBREAPER", "ignored: there is no init wrapper"),
)
"""Heeded by 'run' only."""
_OPTION = re.compile(r"[a-z][a-z0-9-]*( [A-Za-z0-9_.:/-]+){0,4}")


@dataclass(frozen=True)
class Environment:
    """What `run` is told by its environment."""

    certificates: tuple[tuple[str, str], ...] = ()
    """File name and PEM text."""
    sysctl: tuple[str, ...] = ()
    sysctl_may_fail: bool = False
    haproxy_log: str = ""
    """What may stand behind HAProxy's keyword `log`."""
    syslog_socket: str = ""
    poll_s: float = 60.0
    credentials: str = ""
    sandbox: str = ""
    ports: str = ""


def read(variables: Mapping[str, str]) -> Environment:
    """Raises UsageError for what cannot be meant, and for Vault."""
    if variables.get("VAULT_TOKEN"):
        raise UsageError(
            "VAULT_TOKEN: credentials are not fetched from Vault: put them into a file and name it by "
            "--marathon-auth-credential-file"
        )
    user, password = variables.get("MARATHON_USER", ""), variables.get("MARATHON_PASSWORD", "")
    return Environment(
        certificates=_certificates(variables),
        sysctl=tuple(variables.get("HAPROXY_SYSCTL_PARAMS", "").split()),
        sysctl_may_fail=bool(variables.get("HAPROXY_SYSCTL_NONSTRICT")),
        haproxy_log="stdout format raw local0 info" if variables.get("HAPROXY_SYSLOGD") else "",
        syslog_socket=variables.get("SYSLOG_SOCKET", ""),
        poll_s=_seconds(variables.get("POLL_INTERVAL") or "60"),
        credentials=f"{user}:{password}" if user and password else "",
        sandbox=variables.get("MESOS_SANDBOX", ""),
        ports=variables.get("PORTS", ""),
    )


def default_options(variables: Mapping[str, str]) -> tuple[str, ...] | None:
    """HAPROXY_GLOBAL_DEFAULT_OPTIONS, sorted; None if it says nothing. Raises UsageError."""
    text = variables.get("HAPROXY_GLOBAL_DEFAULT_OPTIONS", "")
    words = {" ".join(word.split()) for word in text.split(",")} - {""}
    for word in words:
        if not _OPTION.fullmatch(word):
            raise UsageError(f"HAPROXY_GLOBAL_DEFAULT_OPTIONS: {word!r} is no keyword of HAProxy's 'option'")
    return tuple(sorted(words)) or None


def _certificates(variables: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    if not variables.get("HAPROXY_SSL_CERT"):
        return ()
    names = ("", *map(str, range(LAST_CERTIFICATE + 1)))
    found = ((f"cert{n}.pem", variables.get(f"HAPROXY_SSL_CERT{n}", "")) for n in names)
    return tuple((name, _lines(text)) for name, text in found if text)


def _lines(text: str) -> str:
    return text.replace("\\n", "\n").rstrip("\n") + "\n"


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 86_400:
        raise UsageError(f"POLL_INTERVAL: {text!r} is no number of seconds")
    return seconds
