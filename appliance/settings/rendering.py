"""The text of appliance.toml."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.settings.model import Settings


def render(settings: Settings) -> str:
    """The file that `load` reads back to the same settings."""
    lines = ["# Written by appliance-setup. Edit it, then run appliance-setup again to apply it.", ""]
    for section in fields(settings):
        value = getattr(settings, section.name)
        many = isinstance(value, tuple)
        for record in value if many else (value,):
            lines.append(f"[[{section.name}]]" if many else f"[{section.name}]")
            lines += [f"{item.name} = {_toml(getattr(record, item.name))}" for item in fields(record)]
            lines.append("")
    return "\n".join(lines)


def _toml(value: object) -> str:
    if is_dataclass(value):
        return "{ " + ", ".join(f"{f.name} = {_toml(getattr(value, f.name))}" for f in fields(value)) + " }"
    if isinstance(value, tuple):
        items = [_toml(item) for item in value]
        if any(is_dataclass(item) for item in value):
            return "[\n" + "".join(f"    {item},\n" for item in items) + "]"
        return "[" + ", ".join(items) + "]"
    return json.dumps(value)
