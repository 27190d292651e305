"""Templates, from `templates/` of the checkout or from the copy that the installed package carries."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def folder() -> Path:
    """The templates in use: live ones beside the package in a checkout, else the packaged copy."""
    package = Path(__file__).resolve().parent
    checkout = package.parent / "templates"
    return checkout if (checkout / "haproxy").is_dir() else package / "templates"


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
    )


def render(name: str, **values: object) -> str:
    """Text of the template `name` (a path below templates/). Raises jinja2.UndefinedError on a gap."""
    return environment(html=name.endswith(".html.j2")).get_template(name).render(**values)
