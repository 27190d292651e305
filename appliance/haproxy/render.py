"""The text of haproxy.cfg and of its map files: a pure function of what shall be served.

The configuration names its maps by a folder called after their content. So replacing the one file
haproxy.cfg switches both at once, and a crash at any instant leaves a pair that belongs together.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance import templating
from appliance.errors import EngineError
from appliance.haproxy.model import PROBE_HOST, PROBE_PATH, CheckKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from appliance.haproxy.model import Backend, LoadBalancer, Process, Route, Server

DESCRIPTION = "marathon-ha-appliance"
"""`show info` returns it with the hash behind it, so HAProxy itself says what it has loaded."""
DOMAIN_MAP, PATH_MAP, ANY_CASE_PATH_MAP, APP_MAP = (
    "domain2backend.map",
    "path2backend.map",
    "anycase2backend.map",
    "app2backend.map",
)
HOST_MAPS = (DOMAIN_MAP, PATH_MAP, ANY_CASE_PATH_MAP)
_HASH = "@hash@"
"""Stands for the hash while it is computed."""
_PLAIN_WORD = re.compile(r"[\w./:,;=&?!*~@%+-]+", re.ASCII)
_MAXCONN_CAP = 50_000
_MAXCONN_FLOOR = 100
_DESCRIPTOR_STEP = 1000


@dataclass(frozen=True)
class Rendered:
    """What HAProxy is given."""

    config: str
    maps: Mapping[str, str]
    """File name -> text, for the folder `maps_folder` beside the configuration."""
    maps_folder: str
    hash: str
    """Of `config` and, through the folder's name, of the maps."""


@dataclass(frozen=True)
class Targets:
    """What a frontend may choose from. A target is a backend's name, or several joined by '+'."""

    shares: tuple[tuple[str, tuple[str, ...]], ...]
    default: str
    redirect: bool = False
    ignore_redirect: bool = False


def render(load_balancer: LoadBalancer, process: Process) -> Rendered:
    """Raises EngineError when HAProxy could not open as many files as this needs."""
    maps = _maps(load_balancer)
    maps_folder = "maps-" + _digest(f"{name}\n{text}" for name, text in sorted(maps.items()))
    redirects = any(route.redirect_to_https for route in load_balancer.routes)

    def text(description: str) -> str:
        return templating.render(
            "haproxy/haproxy.cfg.j2",
            load_balancer=load_balancer,
            process=process,
            maps=f"{process.folder}/{maps_folder}",
            http=_targets(load_balancer, load_balancer.default_http_backends, redirect=redirects),
            https=_targets(load_balancer, load_balancer.default_https_backends, ignore_redirect=redirects),
            path_routes=bool(maps[PATH_MAP]),
            any_case_path_routes=bool(maps[ANY_CASE_PATH_MAP]),
            maxconn=_maxconn(load_balancer, process),
            description=description,
            probe_host=PROBE_HOST,
            probe_path=PROBE_PATH,
            quoted=quoted,
            address=_address,
            check_keywords=_check_keywords,
        )

    config = text(f"{DESCRIPTION} {_HASH}")
    digest = _digest([config])
    return Rendered(config.replace(_HASH, digest, 1), maps, maps_folder, digest)


def loaded_hash(description: str) -> str:
    """The hash in a description that `show info` or a file's `description` line gave; '' if not ours."""
    name, _, digest = description.strip().partition(" ")
    return digest if name == DESCRIPTION else ""


def own_hash(config: str) -> str:
    """The hash of a configuration that we wrote and nobody changed; '' of any other."""
    for line in config.splitlines():
        if line.startswith("  description "):
            found = loaded_hash(line.partition("description ")[2])
            text = config.replace(f"{DESCRIPTION} {found}\n", f"{DESCRIPTION} {_HASH}\n", 1)
            return found if found and _digest([text]) == found else ""
    return ""


def quoted(text: str) -> str:
    """`text` as one word of haproxy.cfg, whatever it holds (configuration manual, 2.2).

    Raises ValueError for a control character: no quoting keeps a line break inside a line.
    """
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError(f"a control character cannot stand in haproxy.cfg: {text!r}")
    if _PLAIN_WORD.fullmatch(text):
        return text
    return "'" + text.replace("'", "'\\''") + "'"


def _maps(load_balancer: LoadBalancer) -> dict[str, str]:
    routes = load_balancer.routes
    return {
        DOMAIN_MAP: _map((route.host, _target(route)) for route in routes if not route.path),
        PATH_MAP: _map(
            (route.host + route.path, _target(route))
            for route in sorted(routes, key=_longest_path_first)
            if route.path and not route.ignore_case
        ),
        ANY_CASE_PATH_MAP: _map(
            (route.host + route.path.lower(), _target(route))
            for route in sorted(routes, key=_longest_path_first)
            if route.path and route.ignore_case
        ),
        APP_MAP: _map((route.app_id.lower(), route.backend) for route in load_balancer.app_routes),
    }


def _map(entries: Iterable[tuple[str, str]]) -> str:
    return "".join(f"{key} {value}\n" for key, value in entries)


def _longest_path_first(route: Route) -> tuple[str, int, str]:
    return route.host, -len(route.path), route.path


def _target(route: Route) -> str:
    return ("https:" if route.redirect_to_https else "") + "+".join(route.backends)


def _targets(
    load_balancer: LoadBalancer,
    default: tuple[str, ...],
    *,
    redirect: bool = False,
    ignore_redirect: bool = False,
) -> Targets:
    groups = {route.backends for route in load_balancer.routes} | {default}
    shares = tuple(sorted(("+".join(group), group) for group in groups if len(group) > 1))
    return Targets(shares, "+".join(default), redirect, ignore_redirect)


def _address(server: Server) -> str:
    host = f"[{server.address}]" if ":" in server.address else server.address
    return f"{host}:{server.port}"


def _check_keywords(backend: Backend) -> str:
    """What every server line of `backend` ends with. A sticky server is always checked, as upstream's."""
    check = backend.check
    if check is None:
        return " check" if backend.sticky else ""
    tls = " check-ssl verify none" if check.kind is CheckKind.HTTPS else ""
    port = f" port {check.port}" if check.port else ""
    return f" check inter {check.interval_s}s fall {check.fall}{port}{tls}"


def _maxconn(load_balancer: LoadBalancer, process: Process) -> int | None:
    """Connections that fit: each takes two descriptors, and listeners and checks take theirs.

    What is set aside grows in steps, so that a server more or less is no other configuration.
    """
    if process.file_descriptors is None:
        return None
    checked = sum(len(backend.servers) for backend in load_balancer.backends if _check_keywords(backend))
    needed = 500 + len(load_balancer.frontends) + checked
    aside = -(-needed // _DESCRIPTOR_STEP) * _DESCRIPTOR_STEP
    maxconn = min((process.file_descriptors - aside) // 2, _MAXCONN_CAP)
    if maxconn < _MAXCONN_FLOOR:
        raise EngineError(
            f"HAProxy may open {process.file_descriptors} files at once, but {needed} are needed for "
            f"listeners and checks alone: raise the limit (ulimit -n, LimitNOFILE)"
        )
    return maxconn


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
