"""Which apps a list was asked for: `id=`, `cmd=`, `label=`. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.lab.marathon.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

_COMPARED = re.compile(r"\s*(?P<key>[^\s=!,()]+)\s*(?P<how>==|!=)\s*(?P<value>[^\s=!,()]+)\s*")
_SET = re.compile(r"\s*(?P<key>[^\s=!,()]+)\s+(?P<how>in|notin)\s*\((?P<values>[^()]*)\)\s*")
_EXISTS = re.compile(r"\s*(?P<key>[^\s=!,()]+)\s*")
_COMMA = re.compile(r",(?![^(]*\))")


def selected(documents: Iterable[Mapping[str, Any]], query: Mapping[str, list[str]]) -> list[str]:
    """Ids of the apps that fit all the filters. Raises the 400 of a label selector that is none."""
    app_id, cmd = (query.get(key, [""])[-1].lower() for key in ("id", "cmd"))
    tests = [_test(each) for each in _COMMA.split(query.get("label", [""])[-1]) if each.strip()]
    return [
        document["id"]
        for document in documents
        if app_id in document["id"].lower()
        and cmd in str(document.get("cmd") or "").lower()
        and all(test(document.get("labels", {})) for test in tests)
    ]


def _test(selector: str) -> Callable[[Mapping[str, str]], bool]:
    for pattern in (_COMPARED, _SET, _EXISTS):
        found = pattern.fullmatch(selector)
        if found:
            return _made(**found.groupdict())
    raise RefusedError(400, {"message": f"The label selector '{selector}' cannot be parsed"})


def _made(
    key: str, how: str = "exists", value: str = "", values: str = ""
) -> Callable[[Mapping[str, str]], bool]:
    wanted = {value} if value else {each.strip() for each in values.split(",")}
    if how == "exists":
        return lambda labels: key in labels
    if how in ("==", "in"):
        return lambda labels: labels.get(key) in wanted
    return lambda labels: labels.get(key) not in wanted
