"""Logging: one line an event, on stderr, where supervisord or the terminal collects it."""

from __future__ import annotations

import logging
import sys

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def configure(level: str = "INFO", fmt: str = FORMAT) -> None:
    """Send records of `level` and above to stderr in the `logging` format `fmt`."""
    logging.basicConfig(level=level.upper(), format=fmt, stream=sys.stderr, force=True)
    for chatty in ("urllib3", "sseclient"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
