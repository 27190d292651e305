"""Signals: what ends a command also lets it clear up, and the clearing up is not interrupted."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does."""
    with _handled(signal.default_int_handler):
        yield


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Nothing short of SIGKILL ends what is in here."""
    with _handled(signal.SIG_IGN):
        yield


@contextlib.contextmanager
def _handled(handler: object) -> Iterator[None]:
    former = [(number, signal.signal(number, handler)) for number in _ENDING]  # type: ignore[arg-type]
    try:
        yield
    finally:
        for number, before in former:
            signal.signal(number, before)
