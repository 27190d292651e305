"""Acts on HAProxy: check a candidate, put it in place, reload, take it back if that fails."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Protocol

from appliance import commands, files
from appliance.errors import EngineError, NotRunningError
from appliance.haproxy import kept_states, runtime
from appliance.haproxy.live import Live
from appliance.haproxy.render import Rendered, own_hash, structure_of
from appliance.haproxy.statistics import plain_csv

if TYPE_CHECKING:
    from appliance.haproxy.model import Process
    from appliance.haproxy.reload import Worker

CHECK_TIMEOUT_S = 60.0
START_S = 30.0
"""A HAProxy that starts may have read the file that was replaced, and read its maps only now."""
_MAPS = re.compile(r"maps-[0-9a-f]+")
_PLACE = re.compile(r"parsing \[[^]]*:(\d+)\] ?: ")


class RefusedError(EngineError):
    """`haproxy -c` does not accept a candidate; nothing was changed."""


class Reloads(Protocol):
    """How HAProxy is told, and asked. `reload.MasterReload` or `reload.CommandReload`."""

    def reload(self, wanted: str) -> None: ...

    def running(self) -> str | None: ...

    def worker(self) -> Worker | None: ...

    def pids(self) -> tuple[int, ...]: ...

    def old_workers(self) -> int | None: ...


class Service:
    """One HAProxy and its configuration file. One thread acts; any may ask."""

    def __init__(
        self,
        config: Path,
        process: Process,
        reloads: Reloads,
        *,
        validate: bool = True,
        archive_versions: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`archive_versions`: how many replaced configurations are kept, the newest as `<config>.1`."""
        self.config = config
        self.folder = Path(process.folder)
        self._socket = Path(process.socket)
        self.reloads = reloads
        self.live = Live(self._socket)
        self.validate = validate
        self._archive_versions = archive_versions
        self._acknowledged = ""
        self._maps_folder = ""
        self._clock = clock
        self._unused_since: dict[str, float] = {}
        self._seen: tuple[tuple[int, int, int], str, str] | None = None

    def on_disk(self) -> str:
        """Hash of the configuration file; '' if there is none, or not as we wrote it."""
        return self._on_disk()[0]

    def structure_on_disk(self) -> str:
        """Hash of the structure of the configuration file; '' as above."""
        return self._on_disk()[1]

    def text(self) -> str:
        """Of the configuration file."""
        return files.read(self.config) or ""

    def running(self) -> str:
        """Hash of the structure that HAProxy has loaded; '' if it does not run or runs something else.

        Raises SilentError when it does not say.
        """
        loaded = self.reloads.running()
        return self.structure_on_disk() if loaded is None else loaded

    def loaded(self) -> str:
        """The configuration that HAProxy's present worker runs; '' if it is not known.

        What changes while HAProxy runs is in the file at once.
        """
        running = self.running()
        for text in (files.read(self.config) or "", self._acknowledged):
            if running and own_hash(text) and structure_of(text) == running:
                return text
        return ""

    def _on_disk(self) -> tuple[str, str]:
        """Read again only when it is another file."""
        try:
            now = self.config.stat()
        except OSError:
            return "", ""
        mark = (now.st_ino, now.st_mtime_ns, now.st_size)
        if self._seen is None or self._seen[0] != mark:
            text = files.read(self.config) or ""
            found = own_hash(text)
            self._seen = mark, found, structure_of(text) if found else ""
        return self._seen[1:]

    def loaded_map(self, name: str) -> str:
        """A map file of the configuration that runs, those of all VIPs; '' if it is not known."""
        folder = _MAPS.search(self.loaded())
        found = sorted((self.folder / folder[0]).glob(name.replace(".", "*."))) if folder else []
        return "".join(files.read(path) or "" for path in found)

    def old_workers(self) -> int | None:
        """How many finish their connections yet; None: not known."""
        return self.reloads.old_workers()

    def statistics(self) -> str:
        """Of all proxies, as text. Raises EngineError when HAProxy does not answer."""
        return plain_csv(runtime.command(self._socket, "show stat"))

    def check(self, rendered: Rendered) -> str | None:
        """HAProxy's words if it refuses the candidate, else None. The exit status alone decides."""
        candidate = self._write_candidate(rendered)
        try:
            done = commands.run(["haproxy", "-c", "-f", candidate], timeout_s=CHECK_TIMEOUT_S)
        finally:
            candidate.unlink()
        if done.code == 0:
            return None
        return _complaints(done.message, rendered.config) or f"exit code {done.code}"

    def apply(self, rendered: Rendered) -> None:
        """Check, replace, reload.

        Raises EngineError when HAProxy refuses, before or at the reload: the file is then as it was.
        Raises NotRunningError when there is no HAProxy to tell: the file is in place for its start.
        """
        try:
            if self.validate and (words := self.check(rendered)) is not None:
                raise RefusedError(f"haproxy -c refuses the new configuration: {words}")
            before = files.read(self.config)
            self._promote(rendered)
            try:
                self._reload(rendered.structure, before or "", rendered.config)
                self._acknowledged = rendered.config
                self._archive(before)
            except NotRunningError:
                raise
            except EngineError:
                self._restore(before)
                raise
            finally:
                self._remove_unused_maps()
        except OSError as error:
            raise self._unwritable(error) from None

    def confirm(self) -> None:
        """Check the file that is there and reload it. Raises as `apply`."""
        words = self.refusal()
        if words:
            raise EngineError(f"haproxy -c refuses {self.config}: {words}")
        text = files.read(self.config) or ""
        self._reload(self.structure_on_disk(), self.loaded() or text, text)

    def place(self, rendered: Rendered) -> None:
        """Put what HAProxy reads when it starts next. Raises EngineError if it cannot be written."""
        try:
            self._promote(rendered)
            if rendered.maps_folder != self._maps_folder:
                self._remove_unused_maps()
                self._maps_folder = rendered.maps_folder
        except OSError as error:
            raise self._unwritable(error) from None

    def refusal(self) -> str:
        """HAProxy's words if it would not start with the file that is there; '' if it would."""
        if not self.validate:
            return ""
        done = commands.run(["haproxy", "-c", "-f", self.config], timeout_s=CHECK_TIMEOUT_S)
        return "" if done.code == 0 else _complaints(done.message, files.read(self.config) or "")

    def _unwritable(self, error: OSError) -> EngineError:
        return EngineError(f"{self.folder}: the configuration cannot be written: {error}")

    def _reload(self, wanted: str, before: str, after: str) -> None:
        """Tell HAProxy; servers that are down or drained stay so."""
        self._keep_states(before, after)
        self.reloads.reload(wanted)
        if self.reloads.running() is not None:  # it has read it; a later start begins anew
            self._write_states(kept_states.NOTHING)

    def _keep_states(self, before: str, after: str) -> None:
        reply = ""
        with contextlib.suppress(EngineError):
            reply = runtime.command(self._socket, "show servers state")
        self._write_states(kept_states.kept(reply, before, after))

    def _write_states(self, text: str) -> None:
        path = self.folder / kept_states.NAME
        if files.read(path) != text:
            files.replace(path, text, owner=self._owner, durable=False)

    def _write_candidate(self, rendered: Rendered) -> Path:
        """Beside the file it may replace. Its maps have a folder of their own: none in use changes."""
        maps = self.folder / rendered.maps_folder
        maps.mkdir(mode=0o755, exist_ok=True)
        if self._owner:
            shutil.chown(maps, self._owner)
        for name, text in rendered.maps.items():
            if files.read(maps / name) != text:
                files.replace(maps / name, text, owner=self._owner)
        if not (self.folder / kept_states.NAME).exists():
            self._write_states(kept_states.NOTHING)
        candidate = self.config.with_name(f".{self.config.name}.candidate")
        files.replace(candidate, rendered.config, owner=self._owner)
        return candidate

    def _promote(self, rendered: Rendered) -> None:
        """One rename switches configuration and maps: the text names the maps' folder by their content."""
        os.replace(self._write_candidate(rendered), self.config)
        files.sync_folder(self.folder)

    def _archive(self, before: str | None) -> None:
        """Keep what was replaced, with its maps."""
        newest = self._archived(1)
        if before is None or not self._archive_versions or files.read(newest) == before:
            return
        for n in range(self._archive_versions - 1, 0, -1):
            if self._archived(n).exists():
                os.replace(self._archived(n), self._archived(n + 1))
        files.replace(newest, before, owner=self._owner, durable=False)

    def _archived(self, n: int) -> Path:
        return self.config.with_name(f"{self.config.name}.{n}")

    def _restore(self, before: str | None) -> None:
        if before is None:
            self.config.unlink()
        else:
            files.replace(self.config, before, owner=self._owner)

    def _remove_unused_maps(self) -> None:
        kept = (self.config, *map(self._archived, range(1, self._archive_versions + 1)))
        text = "".join(files.read(path) or "" for path in kept)
        known, self._unused_since, now = self._unused_since, {}, self._clock()
        for maps in self.folder.glob("maps-*"):
            if maps.name in text:
                continue
            since = known.get(maps.name, now)
            if now >= since + START_S:
                shutil.rmtree(maps, ignore_errors=True)
            else:
                self._unused_since[maps.name] = since

    @property
    def _owner(self) -> str:
        """As root: whoever owns the folder, so that the generator can replace what an operator wrote."""
        if os.geteuid() != 0:
            return ""
        with contextlib.suppress(KeyError):
            return pwd.getpwuid(self.folder.stat().st_uid).pw_name
        return ""


def _complaints(message: str, config: str) -> str:
    """The alerts of `haproxy -c` in one line, each with the line of `config` that it is about."""
    lines = config.splitlines()
    alerts = [line.partition(" : ")[2] or line for line in message.splitlines() if "[ALERT]" in line]
    told = [
        _PLACE.sub(lambda place: f"'{lines[int(place[1]) - 1].strip()}': ", alert.removeprefix("config : "))
        for alert in alerts
        if " found in configuration" not in alert
    ]
    return "; ".join(told) or " ".join(message.split())
