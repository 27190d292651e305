"""The man page of appliance.toml, from the records that read it: their types, defaults and docstrings."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from typing import Any, get_args, get_type_hints

from appliance.settings import Settings

HEAD = """.TH APPLIANCE.TOML 5 "{date}" "Marathon HA appliance"
.SH NAME
appliance.toml \\- settings of a node of the Marathon HA appliance
.SH SYNOPSIS
/etc/marathon\\-ha\\-appliance/appliance.toml
.SH DESCRIPTION
Written by appliance\\-setup(8), in TOML, and edited by people. After an edit, appliance\\-setup without
flags shows what changes and applies it. A key that is not listed here is an error, and the message names
the nearest one that is. Keys without a default have to be there.
"""
FOOT = """.SH EXAMPLE
.nf
[vip]
address = "182.48.115.250"
interface = "eth0"
virtual_router_id = 250

[cluster]
address = "182.48.115.237"

[[cluster.nodes]]
name = "slave\\-1"
address = "182.48.115.237"

[marathon]
urls = ["http://182.48.115.233:8080"]
.fi
.SH SEE ALSO
appliance(8), appliance\\-setup(8)
"""


def page(date: str) -> str:
    lines = [HEAD.format(date=date)]
    for section in dataclasses.fields(Settings):
        kind = get_type_hints(Settings)[section.name]
        record = next((one for one in get_args(kind) if dataclasses.is_dataclass(one)), None)
        lines += _section(f"[[{section.name}]]" if record else f"[{section.name}]", record or kind)
    return "".join(lines) + FOOT


def _section(name: str, record: Any) -> list[str]:
    lines = [f".SH {name}\n", *_described(record)]
    hints, meanings = get_type_hints(record), _meanings(record)
    inner = []
    for one in dataclasses.fields(record):
        of = next((kind for kind in get_args(hints[one.name]) if dataclasses.is_dataclass(kind)), None)
        if of is not None:
            inner.append((f"[[{name.strip('[]')}.{one.name}]]", of))
            continue
        default = "" if one.default is dataclasses.MISSING else f" (default: {_value(one.default)})"
        lines += [
            f".TP\n.B {_roff(one.name)}",
            _roff(f"{_kind(hints[one.name])}{default}. {meanings.get(one.name, '')}"),
        ]
    for title, of in inner:
        lines += _section(title, of)
    return lines


def _described(record: Any) -> list[str]:
    """Its docstring, unless that is the one that dataclasses make up."""
    text = inspect.getdoc(record) or ""
    return [] if text.startswith(f"{record.__name__}(") else [_roff(text)]


def _meanings(record: Any) -> dict[str, str]:
    """The string below each field."""
    body = ast.parse(inspect.getsource(record)).body[0].body  # type: ignore[attr-defined]
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in zip(body, body[1:])
        if isinstance(field, ast.AnnAssign)
        and isinstance(text, ast.Expr)
        and isinstance(field.target, ast.Name)
    }


def _kind(hint: Any) -> str:
    words = {str: "text", int: "number", float: "number", bool: "true or false"}
    return words.get(hint, "list of " + words.get((get_args(hint) or (str,))[0], "text"))


def _value(default: Any) -> str:
    if isinstance(default, tuple):
        return f"[{', '.join(_value(one) for one in default)}]"
    return (
        str(default).lower()
        if isinstance(default, bool)
        else f'"{default}"'
        if isinstance(default, str)
        else str(default)
    )


def _roff(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("\n", " ")
    return (f"\\&{text}" if text.startswith((".", "'")) else text) + "\n"
