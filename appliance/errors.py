"""Errors that are meant for a person: one line that says what, where and what to do.

::

    ApplianceError            exit 1
    ├── SettingsError         exit 1    appliance.toml, a flag's value or a credentials file is wrong
    ├── UsageError            exit 64   the command line cannot mean anything
    ├── MissingError          exit 69   something needed is not installed or cannot be reached
    ├── ForbiddenError        exit 77   root or a file's permission is needed
    ├── NotRunningError       exit 3    the appliance, or the lab, is not running here
    ├── MarathonError         exit 1    no master gave a usable answer
    └── EngineError           exit 1    HAProxy or keepalived refused what it was given
        └── SilentError       exit 1    it took the question and did not answer in time

They are caught in two places only: the program loop (log, back off, keep the last good state)
and the console commands (one line on stderr, then the exit code).
"""

from __future__ import annotations

import re


class ApplianceError(Exception):
    """A failure that a person can act on. `str()` is one line without a line break."""

    exit_code = 1

    @property
    def id(self) -> str:
        """For scripts: `not-running` of a NotRunningError."""
        words = re.findall("[A-Z][a-z]*", type(self).__name__.removesuffix("Error"))
        return "-".join(words).lower()

    def __str__(self) -> str:
        return " ".join(str(part) for part in self.args).replace("\n", " ")


class SettingsError(ApplianceError):
    """A setting is wrong; the message names the file and the key's path."""


class UsageError(ApplianceError):
    exit_code = 64


class MissingError(ApplianceError):
    exit_code = 69


class ForbiddenError(ApplianceError):
    exit_code = 77


class NotRunningError(ApplianceError):
    exit_code = 3


class MarathonError(ApplianceError):
    """No master gave a usable answer; the message holds each one's reason."""


class EngineError(ApplianceError):
    """HAProxy or keepalived refused; the message holds the engine's own words."""


class SilentError(EngineError):
    """An engine that lives, it seems, has not answered in time: what it runs is not known."""
