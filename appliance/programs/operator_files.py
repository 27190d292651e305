"""The operator's own files that HAProxy loads: certificates and Lua. Broken ones are told and left out."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from appliance.haproxy import certificates
from appliance.haproxy.certificates import Certificate, Certificates
from appliance.haproxy.lua import Scripts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.haproxy.model import Process

log = logging.getLogger(__name__)
DEFAULT_CERTIFICATE = "/etc/ssl/cert.pem"
LOOK_S = 2.0


class OperatorFiles:
    """`furnish` reads them, a thread between `start` and `stop` notices when they change."""

    def __init__(
        self,
        asked: Sequence[str],
        lua: Path,
        *,
        folders: Sequence[str] = (),
        on_change: Callable[[], None] = lambda: None,
        dry: bool = False,
    ) -> None:
        """`asked`: certificate files and folders; `folders`: where labels may name certificates."""
        self.certificates: tuple[dict[str, Any], ...] = ()
        """For the report: path, names and end of each certificate in use."""
        self.notices: tuple[str, ...] = ()
        self._used: tuple[Certificate, ...] = ()
        self.on_change = on_change
        self.store = Certificates(folders)
        self._asked = tuple(asked)
        self._scripts = Scripts(lua)
        self._dry = dry
        self._named: tuple[str, ...] = ()
        self._mark: object = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name="operator-files", daemon=True)

    def furnish(self, process: Process) -> Process:
        """`process` with the files that HAProxy can load."""
        self._mark = self._marks()
        notices: list[str] = []
        found: list[Certificate] = []
        paths: tuple[str, ...] = ()
        if process.bind_http_https:
            found, notices = self._of_443()
            paths = tuple(certificate.path for certificate in found)
            if not found:
                own, notice = self._self_signed(Path(process.folder))
                paths = (own,) if own else ()
                notices.append(notice)
        lua, lua_digest, complaints = self._scripts.found()
        used = {one.path: one for one in (*found, *self.store.taken_by_labels())}
        self._named = tuple(path for path in used if path not in paths)
        made = [] if found or self._dry else [self.store.of_our_own(path) for path in paths]
        self._used = (*used.values(), *made)
        self.certificates = tuple(
            {"path": one.path, "names": list(one.names), "not_after": one.not_after} for one in self._used
        )
        self._tell((*notices, *complaints, *certificates.warnings(self._used)))
        digests = [*(f"{path} {one.digest}" for path, one in sorted(used.items())), lua_digest]
        digest = hashlib.sha256("\n".join(digests).encode()).hexdigest()[:16] if any(digests) else ""
        return replace(
            process,
            certificates=paths,
            certificate_names=tuple(sorted({(one.sha1, one.names) for one in used.values()})),
            lua=tuple(lua),
            files_digest=digest,
        )

    @property
    def alarms(self) -> list[dict[str, Any]]:
        """For the report: certificates that end soon."""
        now = time.time()
        warned = ((one, one.warning(now)) for one in self._used)
        return [
            {"id": "CERTIFICATE-EXPIRES", "text": words, "since": one.warns_from}
            for one, words in warned
            if words
        ]

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _of_443(self) -> tuple[list[Certificate], list[str]]:
        default = Path(DEFAULT_CERTIFICATE)
        return self.store.found(self._asked or ((DEFAULT_CERTIFICATE,) if default.exists() else ()))

    def _self_signed(self, folder: Path) -> tuple[str, str]:
        if self._dry:
            return str(folder / certificates.SELF_SIGNED), ""
        return certificates.self_signed(folder)

    def _tell(self, notices: tuple[str, ...]) -> None:
        for notice in notices:
            if notice and notice not in self.notices:
                log.warning("%s", notice)
        self.notices = tuple(filter(None, notices))

    def _marks(self) -> object:
        asked = (*(self._asked or (DEFAULT_CERTIFICATE,)), *self._named)
        return certificates.marks(asked), self._scripts.mark()

    def _look(self) -> None:
        while not self._stop.wait(LOOK_S):
            try:
                marks = self._marks()
            except OSError as error:  # a folder that is being changed; the next look sees more
                log.debug("%s", error)
                continue
            warned = not set(certificates.warnings(self._used)).issubset(self.notices)
            if marks != self._mark or warned:
                self._mark = marks
                self.on_change()
