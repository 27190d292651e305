"""The load balancer as an app of Marathon's, for the floating mode. Pure."""

from __future__ import annotations

import shlex
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from appliance.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.settings import Access, LoadBalancer, Marathon

ID = "marathon-lb"
CHECK = {
    "protocol": "HTTP",
    "path": "/_haproxy_health_check",
    "port": 9090,
    "gracePeriodSeconds": 60,
    "intervalSeconds": 5,
    "timeoutSeconds": 3,
    "maxConsecutiveFailures": 3,
}
"""So that Marathon replaces one that hangs."""


def definition(
    program: Path, marathon: Marathon, lb: LoadBalancer, access: Access, app_id: str = ID
) -> dict[str, Any]:
    """What to post to Marathon. `program` is appliance-lb, at the same place on every slave.

    It asks Mesos for no port: agents offer 31000 to 32000, and the load balancer takes 80 all the same,
    as marathon-lb in Docker's host network does. Raises SettingsError.
    """
    words = [str(program), "run", "sse", *_flags(marathon, lb), *_access(access)]
    return {
        "id": app_id,
        "instances": 1,
        "constraints": [["hostname", "UNIQUE"]],
        "cpus": 0.2,
        "mem": 256,
        "user": "root",
        "cmd": f"exec {shlex.join(words)}",
        "healthChecks": [CHECK],
    }


def _flags(marathon: Marathon, lb: LoadBalancer) -> Iterator[str]:
    for url in marathon.urls:
        yield from ("-m", url)
    for group in lb.groups:
        yield from ("--group", group)
    if marathon.credentials_file:
        yield from ("--marathon-auth-credential-file", marathon.credentials_file)
    if marathon.ca_cert:
        yield from ("--marathon-ca-cert", marathon.ca_cert)
    if not marathon.tls_verify:
        yield "--marathon-insecure"
    if lb.certificates:
        yield from ("--ssl-certs", ",".join(lb.certificates))
    for wanted, flag in (
        (lb.strict_mode, "--strict-mode"),
        (lb.health_check, "--health-check"),
        (not lb.bind_http_https, "--dont-bind-http-https"),
        (lb.haproxy_map, "--haproxy-map"),
        (lb.group_https_by_vhost, "--group-https-by-vhost"),
        (lb.prefer_host_ports, "--prefer-host-ports"),
        (lb.drop_forwarded_proto, "--drop-x-forwarded-proto"),
    ):
        if wanted:
            yield flag
    if lb.default_app:
        yield from ("--default-app", lb.default_app)


def _access(access: Access) -> Iterator[str]:
    """The nodes look at :9090 by the loopback, so it is always among its addresses."""
    for item in fields(access):
        words = getattr(access, item.name)
        if "vip" in words:
            raise SettingsError(
                f"access.{item.name}: 'vip' means nothing to an app that starts before the VIP is there: "
                "name addresses"
            )
        if words not in ((), item.default):
            more = ("127.0.0.1",) if item.name == "statistics_bind" and "127.0.0.1" not in words else ()
            yield from (f"--{item.name.replace('_', '-')}", ",".join((*words, *more)))
