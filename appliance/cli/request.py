"""Flags, environment and this node's settings become one Request, or one line that says what is wrong."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import settings
from appliance.cli import flags
from appliance.errors import UsageError
from appliance.haproxy.model import Access, listening
from appliance.marathon.access import Credentials
from appliance.marathon.dcos import ServiceAccount, Session
from appliance.marathon.ensemble import Ensemble
from appliance.paths import Paths
from appliance.programs import environment
from appliance.programs.options import Options, Request
from appliance.services.model import Conflict, Selection, Vip
from appliance.services.policy import Owner, Policy

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from appliance.marathon.access import Login
    from appliance.programs.environment import Environment


def read(arguments: argparse.Namespace) -> Request:
    """What the flags mean on this machine. Raises ApplianceError."""
    paths = Paths.of(arguments.root)
    return of(arguments, paths, settings.load(paths.settings) if paths.settings.exists() else None)


def of(arguments: argparse.Namespace, paths: Paths, own: settings.Settings | None) -> Request:
    """Flags first, then this node's appliance.toml, then marathon-lb's defaults."""
    lb = own.lb if own else settings.LoadBalancer(groups=())
    ports = _ports(arguments, lb)
    groups = arguments.group or lb.groups
    if not groups:
        raise UsageError("argument --group is required: a group's name, or '*' for every app")
    vips = _vips(own) if own and own.grouped and not arguments.group else ()
    groups = tuple(dict.fromkeys(group for vip in vips for group in vip.groups)) or groups
    options = _options(arguments, paths, lb, paths.haproxy_cfg if own else Path(flags.DEFAULT_CONFIG))
    options = replace(options, access=_access(arguments, own))
    options = replace(options, more_addresses=_ipv6(own) if own and not vips else ())
    if not (options.command or options.of_appliance or arguments.dry or options.with_haproxy):
        raise UsageError(
            f"argument --command is required: what reloads the HAProxy that reads {options.config}"
        )
    urls = tuple(arguments.marathon) or (own.marathon.urls if own else (flags.DEFAULT_MARATHON,))
    # Trust that was set up for other masters is not extended to those that a flag names.
    kept = own.marathon if own and not arguments.marathon else None
    ca_cert = arguments.marathon_ca_cert or (kept.ca_cert if kept else "")
    tls_verify = not arguments.marathon_insecure and (kept is None or kept.tls_verify)
    own_app = os.environ.get("FRAMEWORK_NAME", "").strip("/")
    return Request(
        options=options,
        urls=tuple(url for url in urls if not url.startswith("zk://")),
        ensembles=tuple(Ensemble.parse(url) for url in urls if url.startswith("zk://")),
        login=_login(arguments, kept, ca_cert, tls_verify),
        ca_cert=ca_cert,
        tls_verify=tls_verify,
        selection=Selection(
            tuple(groups),
            arguments.strict_mode or lb.strict_mode,
            arguments.health_check or lb.health_check,
            assigned_ports=ports,
            compression=lb.compression,
            default_app=_default_app(arguments.default_app or lb.default_app),
            conflict=Conflict(own.policy.conflicts if own else "share"),
            policy=_policy(own.policy) if own else None,
            vips=vips,
        ),
        prefer_host_ports=arguments.prefer_host_ports or lb.prefer_host_ports,
        max_backoff_s=arguments.max_backoff,
        retry_s=arguments.reload_interval,
        retries=_retries(arguments, options),
        own_app=f"/{own_app}" if own_app else "",
    )


def with_haproxy(
    arguments: argparse.Namespace, paths: Paths, told: Environment, certificates: Sequence[str]
) -> Request:
    """For a HAProxy that we start: what the environment says stands in for flags that were not given."""
    arguments.with_haproxy = True
    if told.credentials and not (arguments.auth_credentials or arguments.marathon_auth_credential_file):
        arguments.auth_credentials = told.credentials
    made = of(arguments, paths, None)
    asked = (*made.options.certificates, *certificates)
    return replace(
        made,
        options=replace(
            made.options,
            certificates=asked,
            log=told.haproxy_log,
            template_folder=Path(told.sandbox) if told.sandbox else None,
        ),
        poll_s=told.poll_s if arguments.mode == "poll" else made.poll_s,
    )


def _options(arguments: argparse.Namespace, paths: Paths, lb: settings.LoadBalancer, config: Path) -> Options:
    given = tuple(path for path in (arguments.ssl_certs or "").split(",") if path)
    kept = arguments.archive_versions
    return Options(
        paths=paths,
        config=Path(arguments.haproxy_config or config).absolute(),
        command=_words(arguments.command),
        with_haproxy=arguments.with_haproxy,
        certificates=given or lb.certificates,
        certificate_folders=lb.certificate_folders,
        bind_http_https=lb.bind_http_https and not arguments.dont_bind_http_https,
        haproxy_map=arguments.haproxy_map or lb.haproxy_map,
        group_https_by_vhost=arguments.group_https_by_vhost or lb.group_https_by_vhost,
        drop_forwarded_proto=arguments.drop_x_forwarded_proto or lb.drop_forwarded_proto,
        archive_versions=lb.archive_versions if kept is None else max(kept, 0),
        generations=lb.generations,
        threads=lb.threads,
        default_options=environment.default_options(os.environ),
        validate=not arguments.skip_validation,
        exclude_refused=not arguments.skip_config_cleanup,
    )


def _ports(arguments: argparse.Namespace, lb: settings.LoadBalancer) -> tuple[int, int] | None:
    """First and last port for tasks with addresses of their own; None if none shall be given."""
    lowest, highest = arguments.min_serv_port_ip_per_task, arguments.max_serv_port_ip_per_task
    lowest = lb.ip_per_task_ports[0] if lowest is None else lowest
    highest = lb.ip_per_task_ports[1] if highest is None else highest
    if (lowest == 0) != (highest == 0) or not 0 <= lowest <= highest < 65536:
        raise UsageError(
            f"--min-serv-port-ip-per-task {lowest} and --max-serv-port-ip-per-task {highest}: "
            "the first may not be above the second, and both are 0 or none is"
        )
    return (lowest, highest) if highest else None


def _default_app(text: str) -> tuple[str, int | None] | None:
    """App id and port index of `/app:1`; the index None: its first http service."""
    fault = settings.default_app_fault(text)
    if fault:
        raise UsageError(f"--default-app: {fault}")
    app_id, _, index = text.partition(":")
    return (app_id, int(index) if index else None) if text else None


def _access(arguments: argparse.Namespace, own: settings.Settings | None) -> Access:
    """Flags outweigh settings one by one."""
    kept = own.access if own else settings.Access()
    given = {
        name: tuple(filter(None, (word.strip() for word in text.split(","))))
        for name in vars(kept)
        if (text := getattr(arguments, name)) is not None
    }
    asked = replace(kept, **given)
    for key, complaint in settings.access_faults(asked):
        raise UsageError(f"--{key.replace('_', '-')}: {complaint}")

    def binds(addresses: Sequence[str], port: int) -> tuple[str, ...]:
        if "vip" in addresses and own is None:
            raise UsageError("'vip' is known only on a node that appliance-setup set up: name the address")
        vips = [vip.address for vip in own.vips] if own else []
        asked_for = [place for one in addresses for place in (vips if one == "vip" else [one])]
        return tuple(dict.fromkeys(listening(place, port) for place in asked_for))

    peers = tuple(node.address for node in own.cluster.peers) if own else ()
    return Access(
        binds(asked.statistics_bind, 9090),
        binds(asked.app_id_bind, 9091),
        asked.statistics_networks,
        asked.app_id_networks,
        tuple(dict.fromkeys((*peers, *asked.admin_networks))),
    )


def _ipv6(own: settings.Settings) -> tuple[str, ...]:
    return tuple(vip.address for vip in own.vips if vip.family == 6)


def _vips(own: settings.Settings) -> tuple[Vip, ...]:
    return tuple(Vip(vip.address, own.groups_of(vip)) for vip in own.vips)


def _policy(asked: settings.Policy) -> Policy | None:
    made = Policy(
        asked.denied_labels,
        asked.denied_templates,
        tuple(
            Owner(owner.apps, owner.vhosts, tuple(filter(None, map(settings.port_range, owner.ports))))
            for owner in asked.owners
        ),
    )
    return made if made != Policy() else None


def _retries(arguments: argparse.Namespace, options: Options) -> int:
    """A master that is told by its socket is told until it obeys; one pass fails at once, unless asked."""
    once = not (arguments.sse or arguments.with_haproxy or arguments.mode in ("sse", "poll"))
    if arguments.max_reload_retries is not None:
        return int(arguments.max_reload_retries)
    return 0 if once else 10 if options.command else -1


def _words(command_line: str | None) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(command_line or ""))
    except ValueError as error:
        raise UsageError(f"--command {command_line}: {error}") from None


def _login(
    arguments: argparse.Namespace, kept: settings.Marathon | None, ca_cert: str, tls_verify: bool
) -> Login | None:
    account = arguments.dcos_auth_credentials or os.environ.get("DCOS_SERVICE_ACCOUNT_CREDENTIAL")
    if arguments.marathon_auth_credential_file:
        return Credentials.load(Path(arguments.marathon_auth_credential_file))
    if arguments.auth_credentials:
        return Credentials.parse(arguments.auth_credentials, "--auth-credentials")
    if account:
        return Session(ServiceAccount.parse(account, "--dcos-auth-credentials"), ca_cert, verify=tls_verify)
    if kept and kept.credentials_file:
        return Credentials.load(Path(kept.credentials_file))
    return None
