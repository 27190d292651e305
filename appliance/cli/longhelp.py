"""All that can be said to appliance-lb, from the lists that the program works with.

As text for --longhelp, as Markdown for the docs, as a man page.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from appliance.haproxy.catalogue import PARTS
from appliance.programs import environment
from appliance.services.label_catalogue import LABELS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

_WIDTH = 100
_INDENT = 34
_TEMPLATES = (
    "A template replaces one piece of haproxy.cfg. Later wins: ours, the file templates/HAPROXY_<NAME> in "
    "the working directory, the environment variable HAPROXY_<NAME>, and where it says 'label' the app's "
    "label HAPROXY_{n}_<NAME>. {name} is replaced; a brace is written twice, except in raw ones."
)


def text(flags: str) -> str:
    """For a terminal. `flags`: what --help prints."""
    parts = [
        flags,
        _section("environment", environment.VARIABLES),
        _section("environment of 'run'", environment.RUN_VARIABLES),
        _section("labels", ((one.name, f"{one.value}: {one.meaning}") for one in LABELS)),
        _section("templates", ((name, meaning) for name, meaning, _ in templates()), _TEMPLATES),
    ]
    return "\n".join(parts)


def markdown(groups: Iterable[tuple[str, Sequence[argparse.Action]]]) -> str:
    """For docs/reference.md."""
    lines = [
        "# Reference of appliance-lb",
        "",
        "Made from the lists that the program works with, as `appliance-lb --longhelp`; a test compares.",
    ]
    for title, actions in groups:
        rows = [(f"`{_flag(action)}`", action.help or "") for action in actions]
        lines += ["", f"## Flags: {title}", "", *_table(("flag", "meaning"), rows)]
    for title, variables in (
        ("Environment", environment.VARIABLES),
        ("Environment of `run`", environment.RUN_VARIABLES),
    ):
        rows = [(f"`{name}`", meaning) for name, meaning in variables]
        lines += ["", f"## {title}", "", *_table(("variable", "meaning"), rows)]
    labels = [(f"`{one.name}`", f"`{one.value}`", one.meaning) for one in LABELS]
    lines += ["", "## Labels", "", *_table(("label", "value", "meaning"), labels)]
    lines += ["", "## Templates", "", *textwrap.wrap(_TEMPLATES, 120), ""]
    parts = [(f"`{name}`", meaning, holders) for name, meaning, holders in templates(apart=True)]
    lines += _table(("template", "meaning", "placeholders"), parts)
    return "\n".join(lines) + "\n"


def manual(groups: Iterable[tuple[str, Sequence[argparse.Action]]], description: str, exit_codes: str) -> str:
    """For man(1), in the man macros of groff_man(7)."""
    flags = [(_flag(action), action.help or "") for _, actions in groups for action in actions]
    labels = [(f"{one.name} = {one.value}", one.meaning) for one in LABELS]
    parts = [(name, meaning) for name, meaning, _ in templates()]
    lines = [
        '.TH APPLIANCE-LB 8 "" "Marathon HA appliance"',
        *_paragraph(
            "NAME", "appliance-lb - feeds HAProxy from Marathon, with the flags and labels of marathon-lb"
        ),
        *_paragraph(
            "SYNOPSIS", "appliance-lb [run] [sse|poll|once] [--marathon URL ...] [--group NAME] ... [flags]"
        ),
        *_paragraph("DESCRIPTION", "", description),
        *_tagged("OPTIONS", flags),
        *_tagged("ENVIRONMENT", environment.VARIABLES),
        *_tagged("ENVIRONMENT OF RUN", environment.RUN_VARIABLES),
        *_tagged("LABELS", labels),
        *_tagged("TEMPLATES", parts, _TEMPLATES),
        *_paragraph("EXIT STATUS", exit_codes.removeprefix("exit codes:").strip()),
        *_paragraph("SEE ALSO", "haproxy(1), keepalived(8)"),
    ]
    return "\n".join(lines) + "\n"


def templates(*, apart: bool = False) -> Iterable[tuple[str, str, str]]:
    """Name, meaning and placeholders of each; `apart`: the placeholders are not said in the meaning."""
    for part in PARTS:
        holders = " ".join(f"{{{name}}}" for name in part.placeholders)
        kind = "raw" if part.raw else "" if apart else holders
        notes = [word for word in ("label" if part.by_label else "", kind) if word]
        unused = "" if part.used else "; accepted, used by nobody"
        yield part.name, f"{part.description}{unused}" + (f" ({'; '.join(notes)})" if notes else ""), holders


def _paragraph(title: str, text: str, verbatim: str = "") -> list[str]:
    shown = [".nf", *map(_roff, verbatim.splitlines()), ".fi"] if verbatim else [_roff(text)]
    return [f'.SH "{title}"', *shown]


def _tagged(title: str, entries: Iterable[tuple[str, str]], before: str = "") -> list[str]:
    lines = [f'.SH "{title}"', *([_roff(before)] if before else [])]
    for name, meaning in entries:
        lines += [".TP", f".B {_roff(name)}", _roff(meaning)]
    return lines


def _roff(text: str) -> str:
    """One line of text that no macro is taken from; hyphens stay what is typed."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def _flag(action: argparse.Action) -> str:
    metavar = f" {action.metavar}" if action.metavar and action.nargs != 0 else ""
    more = " ..." if action.nargs == "+" else ""
    return ", ".join(action.option_strings) + metavar + more


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = (f"| {' | '.join(map(_cell, row))} |" for row in rows)
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *lines]


def _cell(text: str) -> str:
    """What Markdown would take for its own is escaped, except in code."""
    return text if text.startswith("`") else re.sub(r"([|<>*])", r"\\\1", text)


def _section(title: str, entries: Iterable[tuple[str, str]], before: str = "") -> str:
    head = "".join(f"  {line}\n" for line in textwrap.wrap(before, _WIDTH - 2))
    return f"{title}:\n{head}" + "".join(_entry(name, meaning) for name, meaning in entries)


def _entry(name: str, meaning: str) -> str:
    lines = textwrap.wrap(meaning, _WIDTH - _INDENT) or [""]
    fits = len(name) + 4 <= _INDENT
    head = f"  {name:<{_INDENT - 2}}{lines.pop(0)}" if fits else f"  {name}"
    return "".join(f"{line.rstrip()}\n" for line in [head, *(" " * _INDENT + line for line in lines)])
