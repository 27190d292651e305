"""Logging: one line an event, on stderr, where supervisord or the terminal collects it."""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def configure(level: str = "INFO", fmt: str = FORMAT, syslog_socket: str = "") -> None:
    """Send records of `level` and above to stderr in the `logging` format `fmt`, and to syslog if asked."""
    logging.basicConfig(level=level.upper(), format=fmt, stream=sys.stderr, force=True)
    for chatty in ("urllib3", "sseclient"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    if syslog_socket and syslog_socket != os.devnull:
        _add_syslog(syslog_socket, fmt)


def _add_syslog(socket: str, fmt: str) -> None:
    """A machine without syslog serves all the same."""
    try:
        handler = logging.handlers.SysLogHandler(socket)
    except OSError as error:
        logging.getLogger(__name__).warning("no log to %s: %s", socket, error.strerror or error)
        return
    handler.setFormatter(logging.Formatter(fmt))
    logging.getLogger().addHandler(handler)
