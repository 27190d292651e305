"""What the generator was asked to do, and the parts that follow from it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import SettingsError
from appliance.haproxy import process
from appliance.haproxy.model import Access
from appliance.haproxy.reload import CommandReload, MasterReload
from appliance.haproxy.service import Service
from appliance.haproxy.trial import refusal

if TYPE_CHECKING:
    from appliance.haproxy.model import Process
    from appliance.marathon.access import Login
    from appliance.marathon.ensemble import Ensemble
    from appliance.paths import Paths
    from appliance.services.model import Selection


@dataclass(frozen=True)
class Options:
    """The flags of appliance-lb that concern HAProxy, checked."""

    paths: Paths
    config: Path
    command: tuple[str, ...] = ()
    """Empty: HAProxy's master is told by its socket."""
    with_haproxy: bool = False
    """HAProxy is started, too."""
    certificates: tuple[str, ...] = ()
    """Files and folders."""
    certificate_folders: tuple[str, ...] = ()
    """Where labels may name certificates; none: everywhere."""
    bind_http_https: bool = True
    haproxy_map: bool = False
    """Show the maps on :9090."""
    more_addresses: tuple[str, ...] = ()
    """IPv6 VIPs, bound besides all of IPv4."""
    group_https_by_vhost: bool = False
    access: Access = field(default_factory=Access)
    """Of :9090 and :9091."""
    drop_forwarded_proto: bool = False
    archive_versions: int = 5
    generations: int = 20
    """Of this node's own HAProxy, kept with what changed and why."""
    threads: int = 0
    """Of HAProxy; 0: by the number of cores."""
    log: str = ""
    """Where HAProxy logs each connection."""
    default_options: tuple[str, ...] | None = None
    """Keywords of `option` in place of our own."""
    template_folder: Path | None = None
    """Holds the operator's templates/; None: the working directory."""
    validate: bool = True
    exclude_refused: bool = True

    @property
    def of_appliance(self) -> bool:
        """Whether it is this node's own HAProxy, whose sockets lie in /run."""
        return self.config == self.paths.haproxy_cfg


@dataclass(frozen=True)
class Request:
    """All that appliance-lb was asked for, checked."""

    options: Options
    urls: tuple[str, ...]
    selection: Selection
    ensembles: tuple[Ensemble, ...] = ()
    """Where ZooKeeper names the masters, besides `urls`."""
    login: Login | None = None
    ca_cert: str = ""
    tls_verify: bool = True
    max_backoff_s: float = 300.0
    prefer_host_ports: bool = False
    poll_s: float = 60.0
    """Between full reads when no event asks for one."""
    retry_s: float = 10.0
    own_app: str = ""
    """Id of the app that is this very load balancer; '': none is."""
    retries: int = -1
    """How often a reload that failed is tried again before the configuration changes; -1: for ever."""


def haproxy(options: Options, *, dry: bool = False) -> tuple[Process, tuple[str, ...]]:
    """How the HAProxy runs that `options` mean, and notices for its operator. `dry` makes no file.

    Raises SettingsError where the configuration cannot lie.
    """
    folder = options.config.parent
    if not folder.is_dir():
        raise SettingsError(f"--haproxy-config {options.config}: there is no folder {folder}: create it")
    if not dry and not os.access(folder, os.W_OK):
        raise SettingsError(f"--haproxy-config {options.config}: {folder} cannot be written by this user")
    notices: tuple[str, ...] = ()
    if options.of_appliance:
        made = process.of_appliance(options.paths)
    else:
        made, notices = process.standalone(options.config, limits_known=options.with_haproxy)
        if not dry:
            process.make_socket_folder(made)
    made = replace(
        made,
        bind_http_https=options.bind_http_https,
        more_addresses=options.more_addresses,
        group_https_by_vhost=options.group_https_by_vhost,
        access=options.access,
        drop_forwarded_proto=options.drop_forwarded_proto,
        log=options.log,
        threads=options.threads or made.threads,
    )
    if options.default_options is not None:
        made = replace(made, options=_tried(options.default_options))
    return made, notices


def _tried(keywords: tuple[str, ...]) -> tuple[str, ...]:
    """Raises SettingsError where HAProxy would refuse them, and with them everything."""
    lines = "".join(f"  option {keyword}\n" for keyword in keywords)
    words = refusal(
        f"defaults\n  mode http\n  timeout client 1s\n{lines}frontend trial\n  bind 127.0.0.1:80\n"
    )
    if words:
        raise SettingsError(f"HAPROXY_GLOBAL_DEFAULT_OPTIONS: {words}")
    return keywords


def service(options: Options, made: Process) -> Service:
    return Service(
        options.config.absolute(),
        made,
        CommandReload(options.command, Path(made.socket))
        if options.command
        else MasterReload(
            Path(made.socket).with_name("master.sock")
            if options.with_haproxy
            else options.paths.haproxy_master_socket
        ),
        validate=options.validate,
        archive_versions=options.archive_versions,
    )
