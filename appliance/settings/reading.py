"""appliance.toml becomes records, validated once. Errors name the file and the key's path."""

from __future__ import annotations

import difflib
import ipaddress
import logging
import sys
from dataclasses import is_dataclass, replace
from typing import TYPE_CHECKING, Any, get_type_hints

from appliance.errors import SettingsError
from appliance.settings.faults import faults
from appliance.settings.model import Settings, Vip

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)


def load(path: Path) -> Settings:
    """Read and check `path`. Raises SettingsError with one line: file, key, what is wrong, what to do."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(
            f"{path}: no such file; this node is not set up: run appliance-setup --vip ADDRESS"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    return parse(text, str(path))


class Current:
    """appliance.toml as it stands now. A broken edit is logged once and keeps the last good settings."""

    def __init__(self, path: Path) -> None:
        """Raises SettingsError if there are no good settings to begin with."""
        self._path = path
        self._seen = self._mark()
        self._settings = load(path)

    def read(self) -> Settings:
        mark = self._mark()
        if mark != self._seen:
            self._seen = mark
            try:
                self._settings = load(self._path)
            except SettingsError as error:
                log.warning("%s; the settings from before stay in use", error)
        return self._settings

    def _mark(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size


def parse(text: str, source: str) -> Settings:
    """Settings in the TOML `text`; `source` names it in errors. Raises SettingsError."""
    if sys.version_info >= (3, 11):  # a single pass without settings starts sooner
        import tomllib  # noqa: PLC0415
    else:
        import tomli as tomllib  # noqa: PLC0415
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{source}: not valid TOML: {error}") from None
    _refuse_unknown_keys(tree, Settings, source, "")
    settings = _structured(tree, source)
    settings = replace(
        settings,
        vip=_complete(settings.vip),
        more_vips=tuple(map(_complete, settings.more_vips)),
    )
    for key, complaint in faults(settings):
        raise SettingsError(f"{source}: {key}: {complaint}")
    return settings


def _structured(tree: object, source: str) -> Settings:
    """Loads cattrs here: a program that reads no file starts without it."""
    import cattrs  # noqa: PLC0415
    from cattrs.errors import ClassValidationError, IterableValidationError  # noqa: PLC0415

    try:
        return cattrs.Converter().structure(tree, Settings)
    except (ClassValidationError, IterableValidationError) as error:
        told = (line.replace(" @ $.", " at ").replace(" @ $", "") for line in cattrs.transform_error(error))
        raise SettingsError(f"{source}: {'; '.join(told)}") from None


def _complete(vip: Vip) -> Vip:
    """With its address in the usual spelling, and a virtual router id."""
    try:
        address = ipaddress.ip_address(vip.address)
    except ValueError:
        return vip
    return replace(vip, address=str(address), virtual_router_id=vip.virtual_router_id or int(address) & 255)


def _refuse_unknown_keys(tree: object, record: Any, source: str, prefix: str) -> None:
    if not isinstance(tree, dict):
        return
    hints = get_type_hints(record)
    for key, value in tree.items():
        if key not in hints:
            near = difflib.get_close_matches(key, hints, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(hints)}"
            raise SettingsError(f"{source}: unknown key '{prefix}{key}'; {hint}")
        inner = hints[key]
        if is_dataclass(inner):
            _refuse_unknown_keys(value, inner, source, f"{prefix}{key}.")
        elif getattr(inner, "__args__", None) and is_dataclass(inner.__args__[0]) and isinstance(value, list):
            for position, item in enumerate(value):
                _refuse_unknown_keys(item, inner.__args__[0], source, f"{prefix}{key}[{position}].")
