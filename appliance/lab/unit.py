"""The part of systemd's unit files that a node's init understands. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

_SECONDS = {"ms": 0.001, "s": 1.0, "sec": 1.0, "min": 60.0}


@dataclass(frozen=True)
class Command:
    argv: tuple[str, ...]
    may_fail: bool = False


@dataclass(frozen=True)
class Unit:
    """A service: what to run, and what to do when it ends."""

    start: Command
    before: tuple[Command, ...] = ()
    stop: tuple[Command, ...] = ()
    after: tuple[Command, ...] = ()
    restart: str = "no"
    restart_delay_s: float = 0.1
    start_timeout_s: float = 90.0
    stop_timeout_s: float = 90.0
    environment: tuple[tuple[str, str], ...] = ()
    open_files: int | None = None
    folders: tuple[str, ...] = ()
    wanted_by: tuple[str, ...] = ()


def parse(text: str) -> Unit:
    """Read a service unit. Raises ValueError when it has no ExecStart."""
    settings = _settings(text)

    def last(key: str, default: str) -> str:
        return settings.get(key, [default])[-1]

    starts = _commands(settings, "ExecStart")
    if not starts:
        raise ValueError("it has no ExecStart=")
    both = last("TimeoutSec", "90")
    limit = last("LimitNOFILE", "").split(":")[-1]
    return Unit(
        start=starts[-1],
        before=_commands(settings, "ExecStartPre"),
        stop=_commands(settings, "ExecStop"),
        after=_commands(settings, "ExecStopPost"),
        restart=last("Restart", "no"),
        restart_delay_s=seconds(last("RestartSec", "100ms")),
        start_timeout_s=seconds(last("TimeoutStartSec", both)),
        stop_timeout_s=seconds(last("TimeoutStopSec", both)),
        environment=_environment(settings.get("Environment", [])),
        open_files=int(limit) if limit.isdigit() else None,
        folders=_folders(settings),
        wanted_by=tuple(last("WantedBy", "").split()),
    )


def seconds(text: str) -> float:
    """A time span such as `2`, `100ms`, `1min 30s`; `infinity` is an hour here."""
    if text.strip() == "infinity":
        return 3600.0
    total = 0.0
    for word in text.split():
        number = word.rstrip("abcdefghijklmnopqrstuvwxyz")
        total += float(number) * _SECONDS[word[len(number) :] or "s"]
    return total


def restarts(unit: Unit, status: int) -> bool:
    """Whether a main process that ended by itself with wait status `status` is started again."""
    return unit.restart == "always" or (unit.restart == "on-failure" and status != 0)


def _settings(text: str) -> dict[str, list[str]]:
    """Keys with all their values; an empty assignment forgets the earlier ones, as systemd does."""
    settings: dict[str, list[str]] = {}
    for line in text.replace("\\\n", " ").splitlines():
        stripped = line.strip()
        if not stripped or stripped[0] in "#;[":
            continue
        key, _, value = stripped.partition("=")
        settings.setdefault(key.strip(), []).append(value.strip())
        if not value.strip():
            settings[key.strip()] = []
    return {key: values for key, values in settings.items() if values}


def _commands(settings: dict[str, list[str]], key: str) -> tuple[Command, ...]:
    found = []
    for line in settings.get(key, []):
        bare = line.lstrip("-+!@:")
        found.append(Command(tuple(shlex.split(bare)), may_fail="-" in line[: len(line) - len(bare)]))
    return tuple(found)


def _environment(lines: list[str]) -> tuple[tuple[str, str], ...]:
    words = [word for line in lines for word in shlex.split(line)]
    return tuple((name, value) for name, _, value in (word.partition("=") for word in words))


def _folders(settings: dict[str, list[str]]) -> tuple[str, ...]:
    places = {
        "RuntimeDirectory": "/run",
        "StateDirectory": "/var/lib",
        "LogsDirectory": "/var/log",
        "CacheDirectory": "/var/cache",
        "ConfigurationDirectory": "/etc",
    }
    return tuple(
        f"{place}/{name}" for key, place in places.items() for name in settings.get(key, [""])[-1].split()
    )
