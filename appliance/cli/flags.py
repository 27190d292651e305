"""The flags of appliance-lb, marathon-lb's and our own: the one source of --help, --longhelp and the docs."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from appliance import __version__
from appliance.cli import command, longhelp

if TYPE_CHECKING:
    from collections.abc import Sequence

MODES = ("sse", "poll", "once")
LOG_LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "NOTSET")
LOG_FORMAT = "%(asctime)-15s %(name)s: %(message)s"
DEFAULT_CONFIG = "/etc/haproxy/haproxy.cfg"
DEFAULT_MARATHON = "http://master.mesos:8080"
DESCRIPTION = """Feeds HAProxy from Marathon.

  sse        follow Marathon's events until stopped
  poll       read Marathon every minute until stopped
  once       one pass; the default
  run sse    HAProxy and its generator together in the foreground, as marathon-lb's image
  run poll   the same without events"""
ACCESS = (
    ("--statistics-bind", "A,B", "addresses on which :9090 listens (*; on a node 'vip' is the virtual one)"),
    ("--statistics-networks", "N,N", "who may read :9090 besides the nodes (everybody)"),
    ("--app-id-bind", "A,B", "addresses on which :9091 listens (*)"),
    ("--app-id-networks", "N,N", "who may use :9091 besides the nodes (everybody)"),
    ("--admin-networks", "N,N", "who may send signals by :9090 besides the nodes (nobody)"),
)
EXIT_CODES = "exit codes:  0 applied, or nothing to change    1 not applied    2 usage"


class Parser(command.Parser):
    usage_code = 2


class LongHelp(argparse.Action):
    """Print everything there is to know, and end."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(nargs=0, **keywords)

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        print(longhelp.text(parser.format_help()), end="")
        parser.exit(0)


def build() -> Parser:
    made = Parser(
        prog="appliance-lb",
        description=DESCRIPTION,
        usage="appliance-lb [run] [sse|poll|once] [--marathon URL ...] [--group NAME] ... [flags]",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_marathon(made.add_argument_group("Marathon"))
    _add_services(made.add_argument_group("what is served"))
    _add_haproxy(made.add_argument_group("HAProxy"))
    _add_program(made.add_argument_group("the program"))
    made.set_defaults(mode="", with_haproxy=False)
    return made


def groups(parser: argparse.ArgumentParser) -> list[tuple[str, Sequence[argparse.Action]]]:
    """Title and flags of each group, for the documentation."""
    found = ((group.title or "", group._group_actions) for group in parser._action_groups)  # noqa: SLF001 - there is no public list
    return [(title, actions) for title, actions in found if actions]


def _add_marathon(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--marathon",
        "-m",
        nargs="+",
        action="extend",
        default=[],
        metavar="URL",
        help=f"masters of one cluster ({DEFAULT_MARATHON}), or zk://HOST:2181,HOST:2181/marathon",
    )
    add("--auth-credentials", metavar="USER:PASSWORD", help="for Marathon")
    add("--marathon-auth-credential-file", metavar="FILE", help="its first line is USER:PASSWORD")
    add("--dcos-auth-credentials", metavar="JSON", help="a DC/OS service account")
    add("--marathon-ca-cert", metavar="FILE", help="CA certificates for https masters")
    add("--marathon-insecure", action="store_true", help="trust any certificate of https masters")
    add("--max-backoff", type=float, default=300.0, metavar="S", help="longest pause between attempts (300)")
    add(
        "--lru-cache-capacity",
        type=int,
        default=1000,
        metavar="N",
        help="accepted, without effect: what is remembered is as large as the cluster",
    )


def _add_services(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--group", action="append", default=[], metavar="NAME", help="HAPROXY_GROUP to serve; '*': everything"
    )
    add("--strict-mode", action="store_true", help="serve only what HAPROXY_{n}_ENABLED switches on")
    add("--health-check", "-H", action="store_true", help="only tasks that Marathon finds healthy")
    add("--default-app", metavar="ID", help="takes what no vhost on :80 and :443 matches; ID:1: its port 1")
    add(
        "--prefer-host-ports",
        action="store_true",
        help="reach tasks with own addresses by the port that is mapped on their host, where one is",
    )
    for name, which in (("--min-serv-port-ip-per-task", "first"), ("--max-serv-port-ip-per-task", "last")):
        add(
            name,
            type=int,
            metavar="PORT",
            help=f"{which} service port for tasks with own addresses and none (10050, 10100; both 0: none)",
        )


def _add_haproxy(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--haproxy-config", metavar="FILE", help=f"the file to write ({DEFAULT_CONFIG})")
    add("--command", "-c", metavar="CMD", help="reloads HAProxy; judged by its exit code")
    add(
        "--max-reload-retries",
        type=int,
        metavar="N",
        help="how often a --command that failed is run again before something changes (10; 0: never; -1: for "
        "ever); updates go on meanwhile",
    )
    add("--reload-interval", type=float, default=10.0, metavar="S", help="between retries of a reload (10)")
    add(
        "--ssl-certs",
        metavar="A,B",
        help="PEM files and folders of :443 (/etc/ssl/cert.pem, else a self-signed one)",
    )
    add("--dont-bind-http-https", action="store_true", help="neither :80 nor :443")
    add(
        "--haproxy-map",
        action="store_true",
        help="show the maps on :9090; virtual hosts are routed by maps in any case",
    )
    add(
        "--group-https-by-vhost", action="store_true", help="each vhost ends its TLS in a frontend of its own"
    )
    add(
        "--drop-x-forwarded-proto",
        action="store_true",
        help="of plain requests; without it a TLS proxy in front may set it, and so may any client",
    )
    for name, metavar, text in ACCESS:
        add(name, metavar=metavar, help=text)
    add("--skip-validation", action="store_true", help="do not ask 'haproxy -c'")
    add("--skip-config-cleanup", action="store_true", help="do not look for the apps that HAProxy refuses")
    add(
        "--archive-versions",
        type=int,
        metavar="N",
        help="replaced configurations that are kept beside the file, .1 the newest (5)",
    )


def _add_program(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--sse", "-s", action="store_true", help="the same as the mode sse")
    add("--dry", "-d", action="store_true", help="print the configuration, change nothing")
    add("--log-format", default=LOG_FORMAT, metavar="FORMAT", help="of Python's logging")
    add("--log-level", default="DEBUG", metavar="LEVEL", help=f"{', '.join(LOG_LEVELS)} (DEBUG)")
    add(
        "--syslog-socket",
        metavar="FILE",
        help="log there, too, such as /dev/log; without it, or with /dev/null, to stderr only",
    )
    add("--root", metavar="DIR", help="all of the node's files lie below DIR (APPLIANCE_ROOT)")
    add("--longhelp", action=LongHelp, help="this, and all labels, templates and environment variables")
    add("--version", action="version", version=f"appliance-lb {__version__}")
