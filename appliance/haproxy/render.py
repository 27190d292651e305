"""The text of haproxy.cfg and of its map files: a pure function of what shall be served.

The configuration names its maps by a folder called after their content. So replacing the one file
haproxy.cfg switches both at once, and a crash at any instant leaves a pair that belongs together.

What only a reload can change is its structure: all but the servers' lines, the maps' content and maxconn.
HAProxy reports the structure's hash; the rest is read back from it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from appliance import templating
from appliance.errors import EngineError
from appliance.haproxy import texts
from appliance.haproxy.differences import pools_alone, same_but_servers
from appliance.haproxy.grouped import SNI_MAP, sni_map, vhosts
from appliance.haproxy.lines import server_lines
from appliance.haproxy.model import PROBE_HOST, PROBE_PATH
from appliance.haproxy.shared import APP_MAP, app_map, shared
from appliance.haproxy.targets import target
from appliance.haproxy.words import host_regex, literal, location_regex, prefix_regex, quoted, realm
from appliance.settings import AGENT_PORT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from appliance.haproxy.model import Backend, LoadBalancer, Process

__all__ = ["Memo", "Rendered", "loaded_hash", "maxconn", "own_hash", "quoted", "render", "structure_of"]

DESCRIPTION = "marathon-ha-appliance"
"""`show info` returns it with the structure's hash behind it, so HAProxy itself says what it has loaded."""
_END = "# The end: "
"""Begins the last line, which holds the hash of all above it: so a file cut short or edited is noticed."""
CERTIFICATE_MAP = "certificate2name.map"
_CERTIFICATE_NAME = re.compile(r"(\*\.)?[A-Za-z0-9_.:-]+")
_HEADS = (
    "HEAD",
    "HTTP_FRONTEND_HEAD",
    "HTTP_FRONTEND_APPID_HEAD",
    "HTTPS_FRONTEND_HEAD",
    "HTTPS_GROUPED_FRONTEND_HEAD",
)
_DESCRIBED = re.compile(r"^  description (.*)$", re.MULTILINE)
_USER = re.compile(r"^\s*(user|uid)\s", re.MULTILINE)
_STRUCTURE, _MAPS, _MAXCONN = "@structure@", "@maps@", "@maxconn@"
"""Stand for what is no part of the structure while its hash is computed."""
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
    structure: str
    maxconn: int | None = None


@dataclass(frozen=True)
class _Printed:
    backend: Backend
    head: str
    servers: str


@dataclass(frozen=True)
class _Frame:
    """All but the backends."""

    load_balancer: LoadBalancer
    process: Process
    text: str
    maps: Mapping[str, str]
    maps_folder: str


@dataclass
class Memo:
    """What was rendered last, so that what did not change is not rendered again."""

    frame: _Frame | None = None
    process: Process | None = None
    backends: dict[str, _Printed] = field(default_factory=dict)


def render(load_balancer: LoadBalancer, process: Process, memo: Memo | None = None) -> Rendered:
    """`memo` only saves time. Raises EngineError when HAProxy could not open as many files as this needs."""
    memo = memo or Memo()
    frame = memo.frame
    if frame is None or frame.process != process or pools_alone(frame.load_balancer, load_balancer) is None:
        frame = memo.frame = _frame(load_balancer, process)
    most = maxconn(load_balancer, process)
    printed = _printed(load_balancer, process, memo)
    structure = _digest([frame.text, *(one.head for one in printed)])
    top = frame.text.replace(_STRUCTURE, structure, 1).replace(_MAPS, frame.maps_folder)
    top = top.replace(_MAXCONN, str(most), 1)
    text = "".join([top, *(part for one in printed for part in (one.head, one.servers))])
    digest = _digest([text])
    config = f"{text}\n{_END}{digest}\n"
    return Rendered(config, frame.maps, frame.maps_folder, digest, structure, most)


def _frame(load_balancer: LoadBalancer, process: Process) -> _Frame:
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
    text = templating.render(
        "haproxy/haproxy.cfg.j2",
        load_balancer=load_balancer,
        process=process,
        maps=f"{process.folder}/{_MAPS}",
        pairs=pairs,
        vhosts=grouped,
        heads=_heads(process, certificates),
        own_user=_USER.search(process.texts.get("HEAD", "")) is not None,
        certificates=certificates,
        certificate_names=CERTIFICATE_MAP in maps,
        app_id_rules=_app_id_rules(load_balancer),
        maxconn=None if process.file_descriptors is None else _MAXCONN,
        description=f"{DESCRIPTION} {_STRUCTURE}",
        agent_port=AGENT_PORT,
        probe_host=PROBE_HOST,
        probe_path=PROBE_PATH,
        quoted=quoted,
        target=target,
    )
    return _Frame(load_balancer, process, text, maps, maps_folder)


def _printed(load_balancer: LoadBalancer, process: Process, memo: Memo) -> list[_Printed]:
    known, memo.backends = memo.backends, {}
    same_process = memo.process == process
    for backend in load_balancer.backends:
        before = known.get(backend.name)
        if before is None or not same_process or before.backend != backend:
            fits = before is not None and same_process and same_but_servers(before.backend, backend)
            head = before.head if before and fits else _head(backend, process)
            servers = "".join(f"  {line}\n" for line in server_lines(backend))
            before = _Printed(backend, head, servers)
        memo.backends[backend.name] = before
    memo.process = process
    return list(memo.backends.values())


def _head(backend: Backend, process: Process) -> str:
    return templating.render(
        "haproxy/backend.j2",
        backend=backend,
        process=process,
        quoted=quoted,
        literal=literal,
        realm=realm,
        host_regex=host_regex,
        prefix_regex=prefix_regex,
        location_regex=location_regex,
    )


def folder_of(maps: Mapping[str, str]) -> str:
    """The name of the folder that holds these maps and no others."""
    return "maps-" + _digest(f"{name}\n{text}" for name, text in sorted(maps.items()))


def loaded_hash(description: str) -> str:
    """The hash in a description that `show info` or a file's `description` line gave; '' if not ours."""
    name, _, digest = description.strip().partition(" ")
    return digest if name == DESCRIPTION else ""


def structure_of(config: str) -> str:
    """The hash of its structure that a configuration of ours names; '' of any other."""
    found = _DESCRIBED.search(config)
    return loaded_hash(found[1]) if found else ""


def own_hash(config: str) -> str:
    """The hash of a configuration that we wrote and nobody changed; '' of any other."""
    text, _, digest = config.rpartition(f"\n{_END}")
    found = digest.strip()
    return found if found and _digest([text]) == found and structure_of(text) else ""


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


def maxconn(load_balancer: LoadBalancer, process: Process) -> int | None:
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
    most = min((process.file_descriptors - aside) // 2, _MAXCONN_CAP)
    if most < _MAXCONN_FLOOR:
        raise EngineError(
            f"HAProxy may open {process.file_descriptors} files at once, but {needed} are needed for "
            f"listeners and checks alone: raise the limit (ulimit -n, LimitNOFILE)"
        )
    if process.memory is None:
        return most
    held = process.memory // _PART_OF_MEMORY // _BYTES_PER_CONNECTION
    return min(most, max(held // 100 * 100, _MAXCONN_FLOOR))


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
