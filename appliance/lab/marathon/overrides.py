"""A value that may be overridden by several at a time, who let go of it in any order."""

from __future__ import annotations

from typing import Callable, Generic, TypeVar

_Value = TypeVar("_Value")


class Overrides(Generic[_Value]):
    def __init__(self, usual: _Value) -> None:
        self._usual = usual
        self._overriding: dict[object, _Value] = {}

    @property
    def current(self) -> _Value:
        """The latest override that is left, or what is usual."""
        return list(self._overriding.values() or (self._usual,))[-1]

    def add(self, value: _Value) -> Callable[[], None]:
        """Override by `value` until the returned function is called."""
        token = object()
        self._overriding[token] = value
        return lambda: self._let_go(token)

    def _let_go(self, token: object) -> None:
        self._overriding.pop(token, None)
