"""`appliance-lb`: marathon-lb's command line. It feeds HAProxy from Marathon, once or as long as it runs."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import log
from appliance.cli import command, flags, request
from appliance.errors import UsageError
from appliance.paths import Paths
from appliance.programs import environment, lb, standalone

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence


def main(argv: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    made = flags.build()
    made.set_defaults(call=run)
    modes: tuple[str, ...] = flags.MODES
    if words[:1] == ["run"]:
        del words[0]
        modes = ("sse", "poll")
        made.set_defaults(call=run_with_haproxy)
    if words and not words[0].startswith("-"):
        mode = words.pop(0)
        if mode not in modes:
            made.error(f"unknown mode {mode!r}; known: {', '.join(modes)}")
        made.set_defaults(mode=mode)
    return command.run(made, words)


def run(arguments: argparse.Namespace) -> int:
    """Feed a HAProxy that somebody else runs: supervisord on a node, or the user."""
    _configure_log(arguments, arguments.syslog_socket)
    asked = request.read(arguments)
    mode = arguments.mode or ("sse" if arguments.sse else "once")
    if arguments.dry:
        with _all_is_kept():
            print(lb.show(asked).config, end="")
    elif mode == "once":
        with _all_is_kept():
            print(f"{asked.options.config}: {lb.once(asked)}")
    else:
        lb.follow(asked, events=mode == "sse")
    return 0


@contextlib.contextmanager
def _all_is_kept() -> Iterator[None]:
    """One picture is all that a single pass knows: looking for garbage would be a quarter of its cost."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def run_with_haproxy(arguments: argparse.Namespace) -> int:
    """Feed a HAProxy of our own, as the entry point of marathon-lb's image does, without appliance.toml."""
    mode = arguments.mode or ("sse" if arguments.sse else "")
    if not mode:
        raise UsageError("run what? 'appliance-lb run sse' or 'appliance-lb run poll'")
    told = environment.read(os.environ)
    _configure_log(arguments, arguments.syslog_socket or told.syslog_socket)
    if told.ports:
        logging.getLogger(__name__).info("PORTS=%s", told.ports)
    folder = Path(told.sandbox or Path.cwd()) / standalone.FOLDER
    arguments.haproxy_config = arguments.haproxy_config or folder / "haproxy.cfg"
    own = Path(arguments.haproxy_config).absolute().parent
    standalone.make_folder(own)
    standalone.tune(told)
    certificates = standalone.Certificates(told, own / "ssl")
    try:
        lb.follow(
            request.with_haproxy(arguments, Paths.of(arguments.root), told, certificates.paths),
            events=mode == "sse",
        )
    finally:
        certificates.remove()
    return 0


def _configure_log(arguments: argparse.Namespace, syslog_socket: str | None) -> None:
    if arguments.log_level.upper() not in flags.LOG_LEVELS:
        raise UsageError(f"--log-level {arguments.log_level}: is none of {', '.join(flags.LOG_LEVELS)}")
    try:
        logging.Formatter(arguments.log_format)
    except ValueError as error:
        raise UsageError(f"--log-format {arguments.log_format!r}: {error}") from None
    log.configure(arguments.log_level, arguments.log_format, syslog_socket or "")


if __name__ == "__main__":
    sys.exit(main())
