"""Templates, from `templates/` of the checkout or from the copy that the installed package carries."""

from __future__ import annotations

import contextlib
import os
import sys
from functools import cache
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING

from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined, __version__

if TYPE_CHECKING:
    from jinja2.bccache import Bucket


def folder() -> Path:
    """The templates in use: live ones beside the package in a checkout, else the packaged copy."""
    package = Path(__file__).resolve().parent
    checkout = package.parent / "templates"
    return checkout if (checkout / "haproxy").is_dir() else package / "templates"


class Compiled(BytecodeCache):
    """Compiled templates beside their sources, as Python keeps modules: an entry says of which source it is.

    Nothing is written unless `compile_all` has made the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load_bytecode(self, bucket: Bucket) -> None:
        # what is cut off ends in one of these; the template is then compiled as if nothing were there
        damage = (OSError, EOFError, ValueError, UnpicklingError)
        with contextlib.suppress(*damage), self._path(bucket).open("rb") as file:
            bucket.load_bytecode(file)

    def _path(self, bucket: Bucket) -> Path:
        return self._folder / f"{bucket.key}-jinja2-{__version__}"

    def dump_bytecode(self, bucket: Bucket) -> None:
        path = self._path(bucket)
        if path.parent.is_dir():
            candidate = path.with_suffix(f".{os.getpid()}")
            with contextlib.suppress(OSError):
                candidate.write_bytes(bucket.bytecode_to_string())
                os.replace(candidate, path)


def compile_all() -> None:
    """Keep all templates compiled from now on, as far as this user may write there."""
    with contextlib.suppress(OSError):
        compiled().mkdir(parents=True, exist_ok=True)
    for path in sorted(folder().rglob("*.j2")):
        environment(html=path.name.endswith(".html.j2")).get_template(str(path.relative_to(folder())))


def compiled() -> Path:
    """Where they are kept: where Python keeps its modules compiled."""
    return Path(sys.pycache_prefix) / "templates" if sys.pycache_prefix else folder() / "__pycache__"


@cache
def environment(*, html: bool = False) -> Environment:
    """One Jinja environment: a missing value is an error, HTML is escaped, configuration text is not."""
    return Environment(
        loader=FileSystemLoader(folder()),
        undefined=StrictUndefined,
        autoescape=html,  # noqa: S701 - configuration files are no HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        bytecode_cache=Compiled(compiled()),
    )


def render(name: str, **values: object) -> str:
    """Text of the template `name` (a path below templates/). Raises jinja2.UndefinedError on a gap."""
    return environment(html=name.endswith(".html.j2")).get_template(name).render(**values)
