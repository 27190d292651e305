"""`appliance config`: the configurations that this node applied, and going back to one of them."""

from __future__ import annotations

import difflib
import json
import socket
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance import files, settings
from appliance.cli import command
from appliance.errors import ApplianceError, EngineError, ForbiddenError, NotRunningError
from appliance.haproxy.generations import Pin, differences, shortened
from appliance.haproxy.history import History
from appliance.paths import Paths
from appliance.status import events, table

if TYPE_CHECKING:
    import argparse

    from appliance.cli.command import Parser
    from appliance.haproxy.generations import Generation

FINE, NOT_RUNNING = 0, 3
DEADLINE_S = 30.0
LOOK_S = 0.05
UNUSABLE = "CONFIG-HELD-UNUSABLE"
HEADINGS = ("", "when", "kind", "took", "because of", "what changed")
_WIDTH = 60


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    config = commands.add_parser("config", help="what was applied and when; back to it; check appliance.toml")
    parts = config.add_subparsers(title="commands", metavar="COMMAND", required=True)
    validate = parts.add_parser("validate", help="check appliance.toml, or another file")
    validate.add_argument("file", nargs="?", metavar="FILE")
    validate.add_argument("-q", "--quiet", action="store_true", help="say nothing when it is fine")
    validate.set_defaults(call=_validate)
    history = parts.add_parser("history", help="the generations that are kept, the newest last")
    history.add_argument("-f", "--format", choices=("table", "json"), default="table")
    history.set_defaults(call=_history)
    show = parts.add_parser("show", help="one generation: when, why, and all that changed")
    show.add_argument("number", nargs="?", type=int, metavar="N", help="the newest if left out")
    show.add_argument("--config", action="store_true", help="the text that HAProxy was given instead")
    show.set_defaults(call=_show)
    diff = parts.add_parser("diff", help="what differs between two generations")
    diff.add_argument("old", nargs="?", type=int, metavar="N", help="the one before M if left out")
    diff.add_argument("new", nargs="?", type=int, metavar="M", help="the newest if left out")
    diff.add_argument("--text", action="store_true", help="line by line of haproxy.cfg")
    diff.set_defaults(call=_diff)
    rollback = parts.add_parser("rollback", help="serve generation N again and hold it, over boots, too")
    rollback.add_argument("number", type=int, metavar="N")
    rollback.add_argument("--reason", default="", metavar="TEXT", help="shown in status until release")
    rollback.set_defaults(call=_rollback)
    release = parts.add_parser("release", help="follow Marathon again")
    release.set_defaults(call=_release)


def _validate(arguments: argparse.Namespace) -> int:
    path = Path(arguments.file) if arguments.file else Paths.of(arguments.root).settings
    settings.load(path)
    if not arguments.quiet:
        print(f"{path}: fine")
    return FINE


def _history(arguments: argparse.Namespace) -> int:
    history, _ = _open(arguments)
    kept, pin = history.generations(), history.pinned()
    if arguments.format == "json":
        print(json.dumps({"generations": list(map(asdict, kept)), "held": asdict(pin) if pin else None}))
        return FINE
    if not kept:
        print("no generation is kept yet")
        return FINE
    print("\n".join(table.aligned([HEADINGS, *(_row(one, pin) for one in kept)])))
    if pin:
        print(f"\n{_held(pin)}")
    return FINE


def _show(arguments: argparse.Namespace) -> int:
    history, _ = _open(arguments)
    number = _newest(history) if arguments.number is None else arguments.number
    found = history.generation(number)
    if arguments.config:
        print(history.text(number).config, end="")
        return FINE
    print(f"generation {found.number}, applied {table.rfc3339(found.at)} by {found.kind} in {_took(found)}")
    print(f"because of {found.cause}")
    print("".join(f"  {line}\n" for line in found.changes), end="")
    return FINE


def _diff(arguments: argparse.Namespace) -> int:
    history, _ = _open(arguments)
    new = _newest(history) if arguments.new is None else arguments.new
    earlier = [number for number in history.numbers() if number < new]
    old = arguments.old if arguments.old is not None else (earlier[-1] if earlier else new)
    before, after = history.text(old), history.text(new)
    if arguments.text:
        lines = (before.config.splitlines(), after.config.splitlines())
        print("\n".join(difflib.unified_diff(*lines, f"generation {old}", f"generation {new}", lineterm="")))
        return FINE
    found = list(differences(before, after))
    print(f"from generation {old} to {new}: {len(found)} differences")
    print("".join(f"  {line}\n" for line in found), end="")
    return FINE


def _rollback(arguments: argparse.Namespace) -> int:
    command.need_root("appliance config rollback")
    history, paths = _open(arguments)
    number = arguments.number
    history.check(number)
    try:
        history.pin(number, arguments.reason)
    except OSError as error:
        raise ForbiddenError(f"{paths.pin} cannot be written: {error.strerror}") from None
    events.record(paths.events, "rollback", f"to generation {number}{_because(arguments.reason)}")
    report = _wait(paths, number)
    if report is None:
        words = f"generation {number} is held, but the generator does not run: it serves it when it starts"
        raise NotRunningError(words)
    if not _serves(report, number):
        alarms = [str(alarm["text"]) for alarm in report.get("alarms", []) if alarm["id"] == UNUSABLE]
        said = alarms[0] if alarms else str(report.get("last_reload", {}).get("message", ""))
        raise EngineError(
            f"generation {number} is held, but does not serve yet: {said or 'see appliance status'}"
        )
    print(f"generation {number} serves on this node and is held: changes in Marathon are not followed here")
    print("'appliance config release' ends it; the other nodes go on as before")
    return FINE


def _release(arguments: argparse.Namespace) -> int:
    command.need_root("appliance config release")
    history, paths = _open(arguments)
    try:
        held = history.release()
    except OSError as error:
        raise ForbiddenError(f"{paths.pin} cannot be removed: {error.strerror}") from None
    if not held:
        print("no generation is held")
        return FINE
    events.record(paths.events, "rollback", "released: Marathon is followed again")
    report = _wait(paths, 0)
    if report is None:
        raise NotRunningError("released, but the generator does not run: it follows Marathon when it starts")
    if not _serves(report, 0):
        raise ApplianceError("released, but Marathon's picture does not serve yet: see appliance status")
    print("released: this node follows Marathon again")
    return FINE


def _wait(paths: Paths, number: int) -> dict[str, Any] | None:
    """The generator's report once it holds `number` (0: nothing), or its last; None: it does not run."""
    end = time.monotonic() + DEADLINE_S
    while True:
        report = files.report(paths.lb_report)
        if _serves(report, number) or any(alarm["id"] == UNUSABLE for alarm in report.get("alarms", [])):
            return report
        if not _lives(paths.lb_socket):
            return None
        if time.monotonic() >= end:
            return report
        time.sleep(LOOK_S)


def _serves(report: dict[str, Any], number: int) -> bool:
    """Whether what was asked for is in force: generation `number`, or with 0 Marathon's picture."""
    held = report.get("held") or {}
    if number:
        in_force = held.get("number") == number and held["serves"]
    else:
        in_force = not held and report.get("follows")
    return bool(in_force) and report.get("applied") is True


def _lives(generator: Path) -> bool:
    """Whether somebody listens on the generator's socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(str(generator))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:  # busy
            return True
    return True


def _open(arguments: argparse.Namespace) -> tuple[History, Paths]:
    paths = Paths.of(arguments.root)
    history = History(paths.history, paths.pin)
    try:
        history.numbers()
    except PermissionError:
        raise ForbiddenError(f"{paths.history} may not be read: run it with sudo") from None
    except OSError as error:
        raise ApplianceError(f"{paths.history} cannot be read: {error.strerror}") from None
    return history, paths


def _newest(history: History) -> int:
    numbers = history.numbers()
    if not numbers:
        raise ApplianceError("no generation is kept yet: nothing was applied on this node")
    return numbers[-1]


def _row(one: Generation, pin: Pin | None) -> tuple[str, ...]:
    held = " held" if pin and pin.number == one.number else ""
    changes = "; ".join(shortened(one.changes, 2))
    return (
        f"{one.number}{held}",
        table.rfc3339(one.at),
        one.kind,
        _took(one),
        _cut(one.cause),
        _cut(changes, 2 * _WIDTH),
    )


def _held(pin: Pin) -> str:
    words = f"generation {pin.number}" if pin.number else "what runs"
    since = table.rfc3339(pin.since)
    return f"{words} is held since {since}{_because(pin.reason)}; 'appliance config release' ends it"


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _took(one: Generation) -> str:
    return f"{one.duration_s * 1000:.0f} ms"


def _cut(text: str, width: int = _WIDTH) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
