"""`appliance-lb`: marathon-lb's command line. It feeds HAProxy from Marathon, once or as long as it runs."""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from appliance import __version__, log, settings
from appliance.cli import command
from appliance.errors import UsageError
from appliance.marathon.access import Credentials
from appliance.marathon.dcos import ServiceAccount, Session
from appliance.marathon.zookeeper import Ensemble
from appliance.paths import Paths
from appliance.programs import lb
from appliance.programs.options import Options, Request
from appliance.services.model import Selection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.marathon.access import Login

MODES = ("sse", "poll", "once")
LOG_LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "NOTSET")
LOG_FORMAT = "%(asctime)-15s %(name)s: %(message)s"
DEFAULT_CONFIG = "/etc/haproxy/haproxy.cfg"
DEFAULT_MARATHON = "http://master.mesos:8080"
DESCRIPTION = """Feeds HAProxy from Marathon.

  sse   follow Marathon's events until stopped
  poll  read Marathon every minute until stopped
  once  one pass; the default"""
EXIT_CODES = "exit codes:  0 applied, or nothing to change    1 not applied    2 usage"


class Parser(command.Parser):
    usage_code = 2


class NotYet(argparse.Action):
    """A flag of marathon-lb that is known, but cannot be honoured: better refused than ignored."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(nargs="?", **keywords)

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> NoReturn:
        parser.error(f"{self.option_strings[0]} is not supported yet")


def build() -> Parser:
    made = Parser(
        prog="appliance-lb",
        description=DESCRIPTION,
        usage="appliance-lb [sse|poll|once] [--marathon URL ...] [--group NAME] ... [flags]",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_marathon(made.add_argument_group("Marathon"))
    _add_services(made.add_argument_group("what is served"))
    _add_haproxy(made.add_argument_group("HAProxy"))
    _add_program(made.add_argument_group("the program"))
    made.set_defaults(call=run, mode="")
    return made


def _add_marathon(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--marathon",
        "-m",
        nargs="+",
        action="extend",
        default=[],
        metavar="URL",
        help="masters of one cluster, or zk://HOST:2181,HOST:2181/marathon",
    )
    add("--auth-credentials", metavar="USER:PASSWORD", help="for Marathon")
    add("--marathon-auth-credential-file", metavar="FILE", help="its first line is USER:PASSWORD")
    add(
        "--dcos-auth-credentials",
        metavar="JSON",
        help="a DC/OS service account",
    )
    add("--marathon-ca-cert", metavar="FILE", help="CA certificates for https masters")
    add("--marathon-insecure", action="store_true", help="trust any certificate of https masters")
    add("--max-backoff", type=float, default=300.0, metavar="S", help="longest pause between attempts (300)")
    add("--lru-cache-capacity", type=int, default=1000, help=argparse.SUPPRESS)


def _add_services(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--group", action="append", default=[], metavar="NAME", help="HAPROXY_GROUP to serve; '*': everything"
    )
    add("--strict-mode", action="store_true", help="serve only what HAPROXY_{n}_ENABLED switches on")
    add("--health-check", "-H", action="store_true", help="only tasks that Marathon finds healthy")
    add("--min-serv-port-ip-per-task", type=int, default=10050, metavar="PORT", help=argparse.SUPPRESS)
    add("--max-serv-port-ip-per-task", type=int, default=10100, metavar="PORT", help=argparse.SUPPRESS)


def _add_haproxy(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--haproxy-config", metavar="FILE", help=f"the file to write ({DEFAULT_CONFIG})")
    add("--command", "-c", metavar="CMD", help="reloads HAProxy; judged by its exit code")
    add(
        "--max-reload-retries", type=int, default=10, metavar="N", help="accepted: a failed reload is retried"
    )
    add("--reload-interval", type=float, default=10.0, metavar="S", help="between retries of a reload (10)")
    add("--ssl-certs", metavar="A,B", help="PEM files of :443 (/etc/ssl/cert.pem, else a self-signed one)")
    add("--dont-bind-http-https", action="store_true", help="neither :80 nor :443")
    add("--haproxy-map", action="store_true", help="accepted: virtual hosts are always routed by map files")
    add("--group-https-by-vhost", action=NotYet, help=argparse.SUPPRESS)
    add("--skip-validation", action="store_true", help="do not ask 'haproxy -c'")
    add("--skip-config-cleanup", action="store_true", help="do not look for the apps that HAProxy refuses")
    add("--archive-versions", type=int, default=5, metavar="N", help=argparse.SUPPRESS)


def _add_program(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--sse", "-s", action="store_true", help="the same as the mode sse")
    add("--dry", "-d", action="store_true", help="print the configuration, change nothing")
    add("--log-format", default=LOG_FORMAT, metavar="FORMAT", help="of Python's logging")
    add("--log-level", default="DEBUG", metavar="LEVEL", help=", ".join(LOG_LEVELS))
    add("--syslog-socket", default="/dev/log", metavar="FILE", help=argparse.SUPPRESS)
    add("--root", metavar="DIR", help="all of the node's files lie below DIR (APPLIANCE_ROOT)")
    add("--longhelp", action=NotYet, help=argparse.SUPPRESS)
    add("--version", action="version", version=f"appliance-lb {__version__}")


def main(argv: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    made = build()
    if words and not words[0].startswith("-"):
        mode = words.pop(0)
        if mode not in MODES:
            made.error(f"unknown mode {mode!r}; known: {', '.join(MODES)}")
        made.set_defaults(mode=mode)
    return command.run(made, words)


def run(arguments: argparse.Namespace) -> int:
    _configure_log(arguments)
    request = _request(arguments)
    mode = arguments.mode or ("sse" if arguments.sse else "once")
    if arguments.dry:
        print(lb.show(request).config, end="")
    elif mode == "once":
        print(f"{request.options.config}: {lb.once(request)}")
    else:
        lb.follow(request, events=mode == "sse")
    return 0


def _configure_log(arguments: argparse.Namespace) -> None:
    if arguments.log_level.upper() not in LOG_LEVELS:
        raise UsageError(f"--log-level {arguments.log_level}: is none of {', '.join(LOG_LEVELS)}")
    try:
        logging.Formatter(arguments.log_format)
    except ValueError as error:
        raise UsageError(f"--log-format {arguments.log_format!r}: {error}") from None
    log.configure(arguments.log_level, arguments.log_format)


def _request(arguments: argparse.Namespace) -> Request:
    """Flags first, then this node's appliance.toml, then marathon-lb's defaults."""
    _refuse_port_range(arguments.min_serv_port_ip_per_task, arguments.max_serv_port_ip_per_task)
    paths = Paths.of(arguments.root)
    own = settings.load(paths.settings) if paths.settings.exists() else None
    groups = arguments.group or (own.lb.groups if own else ())
    if not groups:
        raise UsageError("argument --group is required: a group's name, or '*' for every app")
    config = arguments.haproxy_config or (paths.haproxy_cfg if own else DEFAULT_CONFIG)
    options = Options(
        paths=paths,
        config=Path(config).absolute(),
        command=_words(arguments.command),
        certificates=tuple(path for path in (arguments.ssl_certs or "").split(",") if path),
        bind_http_https=not arguments.dont_bind_http_https,
        validate=not arguments.skip_validation,
        exclude_refused=not arguments.skip_config_cleanup,
    )
    if not (options.command or options.of_appliance or arguments.dry):
        raise UsageError(f"argument --command is required: what reloads the HAProxy that reads {config}")
    urls = tuple(arguments.marathon) or (own.marathon.urls if own else (DEFAULT_MARATHON,))
    # Trust that was set up for other masters is not extended to those that a flag names.
    kept = own.marathon if own and not arguments.marathon else None
    ca_cert = arguments.marathon_ca_cert or (kept.ca_cert if kept else "")
    tls_verify = not arguments.marathon_insecure and (kept is None or kept.tls_verify)
    return Request(
        options=options,
        urls=tuple(url for url in urls if not url.startswith("zk://")),
        ensembles=tuple(Ensemble.parse(url) for url in urls if url.startswith("zk://")),
        login=_login(arguments, kept, ca_cert, tls_verify),
        ca_cert=ca_cert,
        tls_verify=tls_verify,
        selection=Selection(tuple(groups), arguments.strict_mode, arguments.health_check),
        max_backoff_s=arguments.max_backoff,
        retry_s=arguments.reload_interval,
    )


def _refuse_port_range(lowest: int, highest: int) -> None:
    if (lowest == 0) != (highest == 0) or lowest > highest:
        raise UsageError(
            f"--min-serv-port-ip-per-task {lowest} and --max-serv-port-ip-per-task {highest}: "
            "the first may not be above the second, and both are 0 or none is"
        )


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


if __name__ == "__main__":
    sys.exit(main())
