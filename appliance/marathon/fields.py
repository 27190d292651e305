"""One value of decoded JSON: absent and null are the same, another type is an error with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class FieldError(ValueError):
    """A value that cannot be read; `where` is its place below the entry it belongs to: .ports[0]"""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(reason)
        self.where = where
        self.reason = reason


def record(value: Any, where: str) -> Mapping[str, Any]:
    """The object `value`, {} for null."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise FieldError(where, "is no object")
    return value


def records(entry: Mapping[str, Any], key: str, where: str = "") -> list[Mapping[str, Any]]:
    """The objects in a list; a null among them is an empty one."""
    return [record(value, f"{where}.{key}[]") for value in listed(entry, key, where)]


def listed(entry: Mapping[str, Any], key: str, where: str = "") -> list[Any]:
    value = entry.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise FieldError(f"{where}.{key}", "is no list")
    return value


def text(entry: Mapping[str, Any], key: str, where: str = "") -> str:
    value = entry.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise FieldError(f"{where}.{key}", "is not text")
    return value


def number(value: Any, where: str) -> int | None:
    """A whole number, None for null."""
    if value is None or type(value) is int:
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise FieldError(where, f"{str(value)[:40]!r} is no whole number")
