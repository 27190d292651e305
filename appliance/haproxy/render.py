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
from appliance.haproxy import texts
from appliance.haproxy.grouped import SNI_MAP, sni_map, vhosts
from appliance.haproxy.model import PROBE_HOST, PROBE_PATH, TLS_KEYWORDS
from appliance.haproxy.shared import APP_MAP, app_map, shared
from appliance.haproxy.targets import target
from appliance.haproxy.words import host_regex, literal, location_regex, prefix_regex, quoted, realm
from appliance.settings import AGENT_PORT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from appliance.haproxy.model import Backend, LoadBalancer, Process, Server

__all__ = ["Rendered", "loaded_hash", "own_hash", "quoted", "render"]

DESCRIPTION = "marathon-ha-appliance"
"""`show info` returns it with the hash behind it, so HAProxy itself says what it has loaded."""
CERTIFICATE_MAP = "certificate2name.map"
_CERTIFICATE_NAME = re.compile(r"(\*\.)?[A-Za-z0-9_.:-]+")
_HEADS = (
    "HEAD",
    "HTTP_FRONTEND_HEAD",
    "HTTP_FRONTEND_APPID_HEAD",
    "HTTPS_FRONTEND_HEAD",
    "HTTPS_GROUPED_FRONTEND_HEAD",
)
_USER = re.compile(r"^\s*(user|uid)\s", re.MULTILINE)
_HASH = "@hash@"
"""Stands for the hash while it is computed."""
_MAXCONN_CAP = 50_000
_MAXCONN_FLOOR = 100
_DESCRIPTOR_STEP = 1000
_BYTES_PER_CONNECTION = 64 * 1024
"""Two buffers of 16 KiB while it is busy, its records, and TLS on the client's side."""
_PART_OF_MEMORY = 2
"""One in so many bytes is for connections; the rest is the machine's, and its Mesos tasks'."""


@dataclass(frozen=True)
class Rendered:
    """What HAProxy is given."""

    config: str
    maps: Mapping[str, str]
    """File name -> text, for the folder `maps_folder` beside the configuration."""
    maps_folder: str
    hash: str
    """Of `config` and, through the folder's name, of the maps."""


def render(load_balancer: LoadBalancer, process: Process) -> Rendered:
    """Raises EngineError when HAProxy could not open as many files as this needs."""
    certificates = _certificates(load_balancer, process)
    pairs = shared(load_balancer, process)
    maps = {pair.map(name): text for pair in pairs for name, text in pair.maps.items()}
    if load_balancer.doors:
        maps[APP_MAP] = app_map(load_balancer.app_routes)
    grouped = vhosts(load_balancer, process, certificates) if process.group_https_by_vhost else ()
    if grouped:
        maps[SNI_MAP] = sni_map(grouped)
    elif certificates and (names := _certificate_map(process)):
        maps[CERTIFICATE_MAP] = names
    maps_folder = folder_of(maps)

    def text(description: str) -> str:
        return templating.render(
            "haproxy/haproxy.cfg.j2",
            load_balancer=load_balancer,
            process=process,
            maps=f"{process.folder}/{maps_folder}",
            pairs=pairs,
            vhosts=grouped,
            heads=_heads(process, certificates),
            own_user=_USER.search(process.texts.get("HEAD", "")) is not None,
            certificates=certificates,
            certificate_names=CERTIFICATE_MAP in maps,
            app_id_rules=_app_id_rules(load_balancer),
            maxconn=_maxconn(load_balancer, process),
            description=description,
            agent_port=AGENT_PORT,
            probe_host=PROBE_HOST,
            probe_path=PROBE_PATH,
            quoted=quoted,
            check_keywords=_check_keywords,
            server_line=_server_line,
            target=target,
            literal=literal,
            realm=realm,
            host_regex=host_regex,
            prefix_regex=prefix_regex,
            location_regex=location_regex,
        )

    config = text(f"{DESCRIPTION} {_HASH}")
    digest = _digest([config])
    return Rendered(config.replace(_HASH, digest, 1), maps, maps_folder, digest)


def folder_of(maps: Mapping[str, str]) -> str:
    """The name of the folder that holds these maps and no others."""
    return "maps-" + _digest(f"{name}\n{text}" for name, text in sorted(maps.items()))


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


def _certificates(load_balancer: LoadBalancer, process: Process) -> tuple[str, ...]:
    """Of :443, the operator's first: the first of all is shown to a client that names no host."""
    if not process.bind_http_https:
        return ()
    named = sorted({path for tls in load_balancer.tls for path in tls.certificates})
    return tuple(dict.fromkeys([*process.certificates, *named]))


def _certificate_map(process: Process) -> str:
    """Which names each certificate is valid for. One that says it is for all of them is left out."""
    names = {
        f"{sha1}/{name.lower()} 1\n"
        for sha1, of_one in process.certificate_names
        if sha1 and "*" not in of_one
        for name in of_one
        if _CERTIFICATE_NAME.fullmatch(name)
    }
    return "".join(sorted(names))


def _heads(process: Process, certificates: tuple[str, ...]) -> dict[str, str]:
    """What the operator wrote in place of our heads, without the lines that name the sections."""
    values = {"sslCerts": " ".join(f"crt {certificate}" for certificate in certificates)}
    return {
        name: text if name == "HEAD" else texts.body(name, texts.fill(name, text, values))
        for name, text in process.texts.items()
        if name in _HEADS
    }


def _app_id_rules(load_balancer: LoadBalancer) -> list[str]:
    rules, uses = texts.in_order("".join(own.app_id for own in load_balancer.own_rules))
    return rules + uses


def _server_line(backend: Backend, server: Server) -> str:
    """The line of a server that differs from its neighbours'."""
    if server.text:
        return server.text.strip()
    cookie = f" cookie {server.cookie}" if backend.sticky else ""
    check = _check_keywords(backend, server.check_port)
    disabled = " disabled" if server.disabled else ""
    return f"server {server.name} {server.place} id {server.id}{cookie}{check}{disabled}"


def _check_keywords(backend: Backend, check_port: int | None = None) -> str:
    """What every server line of `backend` ends with. A sticky server is always checked, as upstream's."""
    tls = TLS_KEYWORDS if backend.tls else ""
    if backend.check is None:
        return f"{tls} check" if backend.sticky else tls
    return tls + backend.check.keywords(check_port, tls=backend.tls)


def _maxconn(load_balancer: LoadBalancer, process: Process) -> int | None:
    """Connections that fit: each takes two descriptors and memory, and listeners and checks take theirs.

    What is set aside grows in steps, so that a server more or less is no other configuration.
    """
    if process.file_descriptors is None:
        return None
    checked = sum(
        len(backend.servers) for backend in load_balancer.backends if backend.check or backend.sticky
    )
    needed = 500 + len(load_balancer.frontends) + checked
    aside = -(-needed // _DESCRIPTOR_STEP) * _DESCRIPTOR_STEP
    maxconn = min((process.file_descriptors - aside) // 2, _MAXCONN_CAP)
    if maxconn < _MAXCONN_FLOOR:
        raise EngineError(
            f"HAProxy may open {process.file_descriptors} files at once, but {needed} are needed for "
            f"listeners and checks alone: raise the limit (ulimit -n, LimitNOFILE)"
        )
    if process.memory is None:
        return maxconn
    held = process.memory // _PART_OF_MEMORY // _BYTES_PER_CONNECTION
    return min(maxconn, max(held // 100 * 100, _MAXCONN_FLOOR))


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
