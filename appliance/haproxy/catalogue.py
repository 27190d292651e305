"""marathon-lb's templates: the one list that parsing, rendering, documentation and the long help share.

A part is a piece of haproxy.cfg that an operator may replace, by a file `templates/HAPROXY_<NAME>` in the
working directory or by the environment variable `HAPROXY_<NAME>`, and many of them by the label
`HAPROXY_{n}_<NAME>` for one service. What we use where nothing is replaced has the same effect and is
written down in the same language in `templates/haproxy/marathon-lb/`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    name: str
    """Without HAPROXY_."""
    placeholders: tuple[str, ...]
    """What {…} may name; an empty tuple of a raw part, whose braces are copied as they are."""
    description: str
    raw: bool = False
    by_label: bool = True
    section: str = ""
    """The keyword of the section that it opens: frontend, backend, userlist; '' if it opens none."""
    used: bool = True
    """False: known to marathon-lb, used by neither."""


_HOST = ("cleanedUpHostname", "hostname")
_ROUTE = (*_HOST, "appId", "backend")
_CHECK = (
    "healthCheckPortIndex",
    "healthCheckPort",
    "healthCheckProtocol",
    "healthCheckPath",
    "healthCheckTimeoutSeconds",
    "healthCheckIntervalSeconds",
    "healthCheckGracePeriodSeconds",
    "healthCheckMaxConsecutiveFailures",
    "healthCheckFalls",
    "healthCheckPortOptions",
    "healthCheck",
)

PARTS = (
    Part("HEAD", (), "global, defaults and the statistics of :9090", raw=True, by_label=False),
    Part("HTTP_FRONTEND_HEAD", (), "the frontend of :80", raw=True, by_label=False, section="frontend"),
    Part(
        "HTTP_FRONTEND_APPID_HEAD",
        (),
        "the frontend of :9091, which routes by app id",
        raw=True,
        by_label=False,
        section="frontend",
    ),
    Part("HTTPS_FRONTEND_HEAD", ("sslCerts",), "the frontend of :443", by_label=False, section="frontend"),
    Part(
        "HTTPS_GROUPED_FRONTEND_HEAD",
        (),
        "the frontend of :443 that passes TLS on by its server name (--group-https-by-vhost)",
        raw=True,
        by_label=False,
        section="frontend",
    ),
    Part(
        "HTTPS_GROUPED_VHOST_FRONTEND_HEAD",
        ("name", "sslCerts", "bindOpts"),
        "the frontend that ends TLS for one vhost (--group-https-by-vhost)",
        by_label=False,
        section="frontend",
    ),
    Part(
        "HTTPS_GROUPED_VHOST_BACKEND_HEAD",
        ("name",),
        "the backend that leads to the frontend of one vhost (--group-https-by-vhost)",
        by_label=False,
        section="backend",
    ),
    Part(
        "HTTPS_GROUPED_VHOST_FRONTEND_ACL",
        ("backend", "host"),
        "chooses the backend of a vhost by the server name of TLS (--group-https-by-vhost)",
        by_label=False,
    ),
    Part(
        "USERLIST_HEAD",
        ("backend", "user", "passwd"),
        "the user that AUTH names, with the crypted password",
        section="userlist",
    ),
    Part(
        "FRONTEND_HEAD",
        ("backend", "bindAddr", "servicePort", "sslCert", "bindOptions", "mode"),
        "the frontend of the service port",
        section="frontend",
    ),
    Part("FRONTEND_BACKEND_GLUE", ("backend",), "what the service port leads to"),
    Part(
        "BACKEND_HEAD", ("backend", "balance", "mode"), "balance and mode of the backend", section="backend"
    ),
    Part(
        "BACKEND_REDIRECT_HTTP_TO_HTTPS",
        ("bindAddr", "cleanedUpHostname"),
        "REDIRECT_TO_HTTPS: answers 301 on :80",
    ),
    Part(
        "BACKEND_REDIRECT_HTTP_TO_HTTPS_WITH_PATH",
        ("bindAddr", "cleanedUpHostname", "backend"),
        "REDIRECT_TO_HTTPS of a service with PATH",
    ),
    Part("BACKEND_HSTS_OPTIONS", (), "USE_HSTS: Strict-Transport-Security on each answer", raw=True),
    Part("BACKEND_HTTP_OPTIONS", (), "what each http backend tells its servers about the client", raw=True),
    Part("BACKEND_STICKY_OPTIONS", (), "STICKY: the cookie that keeps a client on its server", raw=True),
    Part("HTTP_FRONTEND_ACL", _ROUTE, "a vhost on :80"),
    Part("HTTP_FRONTEND_ACL_WITH_AUTH", (*_ROUTE, "realm"), "a vhost with AUTH on :80"),
    Part("HTTP_FRONTEND_ACL_WITH_PATH", (*_ROUTE, "path"), "a vhost with PATH on :80"),
    Part(
        "HTTP_FRONTEND_ACL_WITH_AUTH_AND_PATH",
        (*_ROUTE, "path", "realm"),
        "a vhost with PATH and AUTH on :80",
    ),
    Part("HTTP_FRONTEND_ACL_ONLY", _HOST, "the condition of one of several vhosts on :80"),
    Part(
        "HTTP_FRONTEND_ACL_ONLY_WITH_PATH",
        ("path", "backend", *_HOST),
        "the condition of PATH on :80, where the vhosts stand apart",
    ),
    Part(
        "HTTP_FRONTEND_ACL_ONLY_WITH_PATH_AND_AUTH",
        ("path", "backend", *_HOST, "realm"),
        "the conditions of PATH and AUTH on :80, where the vhosts stand apart",
    ),
    Part(
        "HTTP_FRONTEND_ROUTING_ONLY", ("cleanedUpHostname", "backend"), "the route of several vhosts on :80"
    ),
    Part(
        "HTTP_FRONTEND_ROUTING_ONLY_WITH_AUTH",
        ("cleanedUpHostname", "backend", "realm"),
        "the route of several vhosts with AUTH on :80",
    ),
    Part(
        "HTTP_FRONTEND_ROUTING_ONLY_WITH_PATH",
        ("cleanedUpHostname", "backend"),
        "the route of several vhosts with PATH on :80",
    ),
    Part(
        "HTTP_FRONTEND_ROUTING_ONLY_WITH_PATH_AND_AUTH",
        ("cleanedUpHostname", "backend", "realm"),
        "the route of several vhosts with PATH and AUTH on :80",
    ),
    Part(
        "HTTP_FRONTEND_APPID_ACL",
        ("cleanedUpAppId", "hostname", "appId", "backend"),
        "the route of an app id on :9091",
    ),
    Part("HTTPS_FRONTEND_ACL", _ROUTE, "a vhost on :443"),
    Part("HTTPS_FRONTEND_ACL_WITH_AUTH", (*_ROUTE, "realm"), "a vhost with AUTH on :443"),
    Part("HTTPS_FRONTEND_ACL_WITH_PATH", _ROUTE, "a vhost with PATH on :443"),
    Part(
        "HTTPS_FRONTEND_ACL_WITH_AUTH_AND_PATH",
        (*_ROUTE, "realm", "path"),
        "a vhost with PATH and AUTH on :443",
    ),
    Part(
        "HTTPS_FRONTEND_ACL_ONLY_WITH_PATH",
        ("path", "backend", *_HOST, "realm"),
        "the condition of PATH on :443",
    ),
    *(
        Part(name, (), "accepted; marathon-lb never used it either", raw=True, by_label=False, used=False)
        for name in (
            "HTTPS_FRONTEND_ROUTING_ONLY_WITH_PATH_AND_AUTH",
            "HTTPS_FRONTEND_AUTH_ACL_ONLY",
            "HTTPS_FRONTEND_AUTH_REQUEST_ONLY",
        )
    ),
    *(
        Part(name, (), "accepted, without effect: vhosts are always routed by maps", raw=True, used=False)
        for name in (
            "MAP_HTTP_FRONTEND_ACL",
            "MAP_HTTP_FRONTEND_ACL_ONLY",
            "MAP_HTTPS_FRONTEND_ACL",
            "MAP_HTTP_FRONTEND_APPID_ACL",
        )
    ),
    Part(
        "HTTP_BACKEND_PROXYPASS_GLUE",
        ("hostname", "proxypath"),
        "HTTP_BACKEND_PROXYPASS_PATH: takes a prefix off the path, and sets Host",
    ),
    Part(
        "HTTP_BACKEND_REVPROXY_GLUE",
        ("hostname", "rootpath"),
        "HTTP_BACKEND_REVPROXY_PATH: replaces the Location of an answer",
    ),
    Part(
        "HTTP_BACKEND_REDIR",
        ("hostname", "redirpath"),
        "HTTP_BACKEND_REDIR: sends / of the vhost elsewhere; as a label it is the place",
        by_label=False,
    ),
    Part(
        "HTTP_BACKEND_NETWORK_ALLOWED_ACL",
        ("network_allowed",),
        "one network of BACKEND_NETWORK_ALLOWED_ACL, mode http",
    ),
    Part(
        "TCP_BACKEND_NETWORK_ALLOWED_ACL",
        ("network_allowed",),
        "one network of BACKEND_NETWORK_ALLOWED_ACL, mode tcp",
    ),
    Part(
        "HTTP_BACKEND_ACL_ALLOW_DENY",
        (),
        "what BACKEND_NETWORK_ALLOWED_ACL does, mode http",
        raw=True,
        by_label=False,
    ),
    Part(
        "TCP_BACKEND_ACL_ALLOW_DENY",
        (),
        "what BACKEND_NETWORK_ALLOWED_ACL does, mode tcp",
        raw=True,
        by_label=False,
    ),
    Part("BACKEND_HTTP_HEALTHCHECK_OPTIONS", _CHECK, "an HTTP health check, in the backend"),
    Part("BACKEND_TCP_HEALTHCHECK_OPTIONS", _CHECK, "a TCP health check, in the backend"),
    Part("BACKEND_SERVER_HTTP_HEALTHCHECK_OPTIONS", _CHECK, "an HTTP health check, on the server line"),
    Part("BACKEND_SERVER_TCP_HEALTHCHECK_OPTIONS", _CHECK, "a TCP health check, on the server line"),
    Part(
        "BACKEND_SERVER_OPTIONS",
        (
            "host",
            "host_ipv4",
            "port",
            "serverName",
            "serverId",
            "cookieOptions",
            "healthCheckOptions",
            "otherOptions",
        ),
        "the line of each server",
    ),
)
BY_NAME = {part.name: part for part in PARTS}
LABEL_TEMPLATES = frozenset(part.name for part in PARTS if part.by_label and part.used)
