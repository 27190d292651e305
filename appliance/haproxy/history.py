"""The configurations that were applied, kept on disk, and the one that is held. The door to their folder.

A generation is a folder called after its number. Its files are the very files that were put in place, under
a second name: they cost no time, and no space until they are replaced.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from appliance import commands, files
from appliance.errors import ApplianceError, EngineError
from appliance.haproxy.generations import MAPS_FOLDER, Generation, Pin, Text, differences, shortened
from appliance.haproxy.render import Rendered, folder_of, own_hash, structure_of

log = logging.getLogger(__name__)
RECORD, CONFIG = "generation.json", "haproxy.cfg"
CHECK_TIMEOUT_S = 60.0
_NEW = ".new-"
_LAST_S = 253402300800
"""The year 10000."""
_MODE = 0o750
"""A configuration may hold passwords."""


class History:
    """`folder` holds the generations, `pin` says which is held. One process keeps, any may read."""

    def __init__(self, folder: Path, pin: Path, *, most: int = 20) -> None:
        self.folder = folder
        self.trouble = ""
        """Why what was applied last could not be kept; '' if it was."""
        self.trouble_since = 0.0
        self._pin = pin
        self._most = most
        self._newest: tuple[int, Text] | None = None

    # --- reading
    def numbers(self) -> list[int]:
        """The oldest first. Raises OSError when the folder is there and cannot be read."""
        with contextlib.suppress(FileNotFoundError):
            return sorted(int(path.name) for path in self.folder.iterdir() if path.name.isdecimal())
        return []

    def generations(self) -> list[Generation]:
        """The oldest first. What cannot be read is left out."""
        return [one for one in map(self._record, self.numbers()) if one is not None]

    def generation(self, number: int) -> Generation:
        """Raises ApplianceError that names those there are."""
        found = self._record(number)
        if found is None:
            kept = self.numbers()
            words = f"kept are {kept[0]} to {kept[-1]}" if kept else "none is kept yet"
            raise ApplianceError(f"generation {number} is not kept; {words}")
        return found

    def text(self, number: int) -> Text:
        """Raises ApplianceError if it is not kept."""
        self.generation(number)
        return _text(self._place(number) / CONFIG, self._maps(number))

    def rendered(self, number: int) -> Rendered:
        """As it was applied. Raises ApplianceError if it is not kept, or was changed since."""
        made, text = self.generation(number), self.text(number)
        if not made.hash or own_hash(text.config) != made.hash:
            raise ApplianceError(
                f"generation {number}: {self._place(number) / CONFIG} was changed by somebody"
            )
        maps = folder_of(text.maps)
        if maps not in text.config:
            raise ApplianceError(
                f"generation {number}: {self._maps(number)} was changed by somebody, or is missing"
            )
        return Rendered(text.config, text.maps, maps, made.hash, structure_of(text.config))

    def check(self, number: int) -> None:
        """Ask HAProxy whether it would take it now. Raises EngineError with its words."""
        text = MAPS_FOLDER.sub(lambda _: f"{self._maps(number)}/", self.rendered(number).config)
        with tempfile.NamedTemporaryFile("w", suffix=".cfg", encoding="utf-8") as candidate:
            candidate.write(text)
            candidate.flush()
            done = commands.run(["haproxy", "-c", "-f", candidate.name], timeout_s=CHECK_TIMEOUT_S)
        if done.code != 0:
            raise EngineError(f"HAProxy refuses generation {number} now: {' '.join(done.message.split())}")

    # --- keeping
    def keep(self, config: Path, *, kind: str, cause: str, duration_s: float) -> int:
        """Keep what was applied: `config` and its maps. Returns its number; 0 if it could not be kept.

        What equals the newest is that. A disk that is full stops no update: `trouble` says so.
        """
        try:
            number = self._keep(config, Generation(0, time.time(), cause, kind, duration_s, (), ""))
        except OSError as error:
            trouble = f"{self.folder}: what is applied cannot be kept: {error.strerror or error}"
            if not self.trouble:
                log.error("%s", trouble)  # noqa: TRY400 - its words are all
                self.trouble_since = time.time()
            self.trouble = trouble
            return 0
        self.trouble = ""
        return number

    def _keep(self, config: Path, made: Generation) -> int:
        now = files.read(config) or ""
        text = _text(config, _maps_of(now, config.parent), now)
        number, before = self._before()
        if number and before == text:
            return number
        changes = list(differences(before, text)) if number else ["the first that is kept"]
        made = replace(made, number=number + 1, changes=shortened(changes), hash=own_hash(now))
        self.folder.mkdir(mode=_MODE, exist_ok=True)
        self._place_new(made, config, _maps_of(now, config.parent))
        self._newest = (made.number, text)
        self._prune()
        return made.number

    def _before(self) -> tuple[int, Text]:
        if self._newest is None:
            numbers = self.numbers()
            number = numbers[-1] if numbers else 0
            self._newest = (number, self.text(number) if self._record(number) else Text())
            for begun in self.folder.glob(f"{_NEW}*"):  # by a process that was killed meanwhile
                shutil.rmtree(begun, ignore_errors=True)
        return self._newest

    def _place_new(self, made: Generation, config: Path, maps: Path | None) -> None:
        """Complete or not there."""
        fresh = Path(tempfile.mkdtemp(prefix=_NEW, dir=self.folder))
        try:
            fresh.chmod(_MODE)
            _second_name(config, fresh / CONFIG)
            if maps is not None:
                (fresh / maps.name).mkdir(mode=_MODE)
                for path in maps.iterdir():
                    _second_name(path, fresh / maps.name / path.name)
            files.replace(fresh / RECORD, json.dumps(asdict(made)) + "\n", durable=False)
            fresh.rename(self._place(made.number))
        except OSError:
            shutil.rmtree(fresh, ignore_errors=True)
            raise

    def _prune(self) -> None:
        pin = self.pinned()
        for number in self.numbers()[: -self._most]:
            if pin is None or number != pin.number:
                shutil.rmtree(self._place(number), ignore_errors=True)

    # --- holding
    def pinned(self) -> Pin | None:
        """What is held. A file that nobody can read holds whatever runs: its number is 0."""
        try:
            text = files.read(self._pin)
        except OSError as error:
            return Pin(0, 0.0, f"{self._pin} cannot be read: {error.strerror}")
        if text is None:
            return None
        try:
            facts = json.loads(text)
            return Pin(int(facts["number"]), _time(facts["since"]), str(facts["reason"]))
        except (ValueError, KeyError, TypeError, OverflowError):
            return Pin(0, 0.0, f"{self._pin} does not say which")

    def pin(self, number: int, reason: str = "") -> None:
        """Hold it, over boots, too. Raises OSError."""
        files.replace(self._pin, json.dumps(asdict(Pin(number, time.time(), reason))) + "\n")

    def release(self) -> bool:
        """Whether one was held. Raises OSError."""
        try:
            self._pin.unlink()
        except FileNotFoundError:
            return False
        files.sync_folder(self._pin.parent)
        return True

    # --- files
    def _place(self, number: int) -> Path:
        return self.folder / str(number)

    def _maps(self, number: int) -> Path:
        return next(self._place(number).glob("maps-*"), self._place(number) / "maps-")

    def _record(self, number: int) -> Generation | None:
        try:
            facts: dict[str, Any] = json.loads((self._place(number) / RECORD).read_text(encoding="utf-8"))
            return Generation(
                number,
                _time(facts["at"]),
                str(facts["cause"]),
                str(facts["kind"]),
                float(facts["duration_s"]),
                tuple(map(str, facts["changes"])),
                str(facts["hash"]),
            )
        except (OSError, ValueError, TypeError, KeyError):
            return None


def _time(value: Any) -> float:
    """Raises ValueError or TypeError if it is no time that can be shown."""
    at_s = float(value)
    if not 0 <= at_s < _LAST_S:
        raise ValueError(f"{value} is no time")
    return at_s


def _maps_of(config: str, folder: Path) -> Path | None:
    named = MAPS_FOLDER.search(config)
    maps = folder / Path(named[0].rstrip("/")).name if named else None
    return maps if maps is not None and maps.is_dir() else None


def _text(config: Path, maps: Path | None, known: str | None = None) -> Text:
    found = sorted(maps.iterdir()) if maps is not None and maps.is_dir() else []
    return Text(
        (files.read(config) or "") if known is None else known,
        {one.name: files.read(one) or "" for one in found},
    )


def _second_name(path: Path, name: Path) -> None:
    """A link, or a copy where the file belongs to somebody else."""
    try:
        os.link(path, name)
    except OSError:
        shutil.copyfile(path, name)
