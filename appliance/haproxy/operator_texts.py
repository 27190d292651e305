r"""The parts of haproxy.cfg that the operator wrote anew, in marathon-lb's places and order.

A file `templates/HAPROXY_<NAME>` in the working directory, then the environment variable of that name, in
which \n stands for a line break.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import templating
from appliance.haproxy import texts
from appliance.haproxy.catalogue import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LUA = re.compile(r"^\s*lua-load(?:-per-thread)?\s+(\S+)", re.MULTILINE)
_WORD = re.compile(r"^\s*(daemon|description)\b", re.MULTILINE)


def built_in() -> dict[str, str]:
    """What stands where nobody wrote anything, in marathon-lb's language."""
    folder = templating.folder() / "haproxy" / "marathon-lb"
    return {path.name.removeprefix("HAPROXY_"): path.read_text() for path in folder.iterdir()}


def read(folder: Path, environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The operator's texts by part, and one notice for each that cannot be used."""
    found: dict[str, str] = {}
    notices = []
    for name, source, text in _written(folder, environ):
        found.pop(name, None)
        try:
            found[name] = texts.normal(text)
            if name == "HEAD":
                _check_head(found[name])
        except texts.TextError as error:
            found.pop(name, None)
            notices.append(f"{source}: {error}; the built-in text is used")
    return found, notices


def _written(folder: Path, environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for part in PARTS:
        if not part.used:
            continue
        path = folder / "templates" / f"HAPROXY_{part.name}"
        try:
            yield part.name, str(path), path.read_text(encoding="utf-8", errors="surrogateescape")
        except FileNotFoundError:
            pass
        except OSError as error:
            yield part.name, str(path), f"\0{error.strerror}"
        value = environ.get(f"HAPROXY_{part.name}", "")
        if value:
            yield part.name, f"HAPROXY_{part.name}", value.replace("\\n", "\n")


def _check_head(text: str) -> None:
    """Raises TextError for a HEAD with which HAProxy could not be run or told anything."""
    word = _WORD.search(text)
    if word:
        raise texts.TextError(f"'{word[1]}' cannot stand in it: the appliance runs HAProxy; remove the line")
    if "expose-fd listeners" not in text:
        raise texts.TextError("has no 'expose-fd listeners' at its stats socket; add it")
    for path in _LUA.findall(text):
        if not Path(path).is_file():
            raise texts.TextError(f"loads {path}, which does not exist")
