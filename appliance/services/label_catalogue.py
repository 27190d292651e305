"""Every label that says a value, for --longhelp and the reference. Templates: haproxy.catalogue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Label:
    name: str
    """With HAPROXY_; {n} is the position of a port in the app's list, from 0."""
    value: str
    meaning: str


_TRUE = "true, t, yes, y"

LABELS = (
    Label("HAPROXY_GROUP", "a,b", "served by load balancers of one of these groups; without it: not served"),
    Label("HAPROXY_{n}_GROUP", "a,b", "the same for one port; replaces HAPROXY_GROUP there"),
    Label("HAPROXY_{n}_ENABLED", _TRUE, "whether it is served; default true, with --strict-mode false"),
    Label("HAPROXY_{n}_VHOST", "host,*.domain", "requests for these hosts on :80 and :443"),
    Label("HAPROXY_{n}_PATH", "/a or -i /a /b", "only paths with this prefix, longest first; -i: any case"),
    Label("HAPROXY_{n}_BACKEND_WEIGHT", "integer", "which of two routes is tried first; larger is earlier"),
    Label("HAPROXY_{n}_PORT", "1-65535", "replaces the service port, also in names"),
    Label("HAPROXY_{n}_MODE", "http, tcp", "default http with an HTTP check or a vhost, else tcp"),
    Label("HAPROXY_{n}_BALANCE", "algorithm", "HAProxy's, with its arguments; default roundrobin"),
    Label("HAPROXY_{n}_STICKY", _TRUE, "a cookie keeps a client on its server"),
    Label("HAPROXY_{n}_AUTH", "realm:user:hash", "basic authentication; the password as crypt(3) writes it"),
    Label("HAPROXY_{n}_REDIRECT_TO_HTTPS", _TRUE, "on :80 answer 301 to https"),
    Label("HAPROXY_{n}_USE_HSTS", _TRUE, "answers carry Strict-Transport-Security"),
    Label("HAPROXY_{n}_SSL_CERT", "/path.pem", "TLS on the service port; offered on :443, too"),
    Label("HAPROXY_{n}_BIND_ADDR", "address", "where the service port listens; default *"),
    Label("HAPROXY_{n}_BIND_OPTIONS", "keywords", "more for the service port's bind line"),
    Label("HAPROXY_{n}_HTTP_BACKEND_PROXYPASS_PATH", "/path", "taken off the beginning of a request's path"),
    Label("HAPROXY_{n}_HTTP_BACKEND_REVPROXY_PATH", "/path", "replaces a Location of the app's own"),
    Label("HAPROXY_{n}_HTTP_BACKEND_REDIR", "/path or URL", "where a request for / is sent"),
    Label("HAPROXY_{n}_BACKEND_NETWORK_ALLOWED_ACL", "networks", "only these sources may use it"),
    Label("HAPROXY_{n}_BACKEND_HEALTHCHECK_PORT_INDEX", "integer", "check the port of another service"),
    Label("HAPROXY_{n}_COMPRESSION", _TRUE, "gzip for text; not marathon-lb's; default: [lb] compression"),
    Label("HAPROXY_{n}_SERVER_TLS", _TRUE, "its tasks speak TLS, not verified; not marathon-lb's"),
    Label("HAPROXY_DEPLOYMENT_GROUP", "name", "apps of one name are served as one: a blue/green deployment"),
    Label("HAPROXY_DEPLOYMENT_ALT_PORT", "port", "for the orchestrator; the load balancer does not read it"),
    Label("HAPROXY_DEPLOYMENT_COLOUR", "name", "for the orchestrator"),
    Label("HAPROXY_DEPLOYMENT_STARTED_AT", "ISO date", "which app is the older one"),
    Label("HAPROXY_DEPLOYMENT_TARGET_INSTANCES", "integer", "how many instances the new app shall have"),
    Label("HAPROXY_DEPLOYMENT_NEW_INSTANCES", "integer", "how many it keeps; other than 0: both run on"),
    Label("HAPROXY_APP_ID", "app id", "for the orchestrator"),
)
