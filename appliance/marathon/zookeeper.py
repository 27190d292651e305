"""Marathon's masters as its own leader latch in ZooKeeper names them. The only importer of kazoo.

Every master keeps an ephemeral node with its host:port; the one with the lowest number leads. A ZooKeeper
that is away changes nothing: the masters known last stay in use.
"""

from __future__ import annotations

import logging
import re
import threading
from typing import TYPE_CHECKING, Any, Callable

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException, NoAuthError, NoNodeError
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.protocol.states import KazooState

from appliance.errors import MarathonError, SettingsError
from appliance.marathon.access import masters

if TYPE_CHECKING:
    from kazoo.interfaces import IAsyncResult

    from appliance.marathon.access import Access
    from appliance.marathon.ensemble import Ensemble

log = logging.getLogger(__name__)
SESSION_S = 10.0
ANSWER_S = 5.0
PERIOD_S = 60.0
"""Repairs a watch that was lost."""
_LATCHES = (("leader-curator", re.compile(r".*([0-9]{10})")), ("leader", re.compile(r"member_([0-9]{10})")))
"""Of 1.3 and later, whose `leader/member_-1` is a tombstone; and up to 1.1."""


class ZooKeeper:
    """Tells `access` who the masters are, from `start` until `stop`, in a thread of its own."""

    def __init__(
        self,
        ensemble: Ensemble,
        access: Access,
        *,
        on_change: Callable[[str], None],
        session_s: float = SESSION_S,
    ) -> None:
        """`on_change(url)` of the leader, whenever the list of masters is another one."""
        self._ensemble = ensemble
        self._access = access
        self._on_change = on_change
        self._known: tuple[str, ...] = ()
        self._trouble = ""
        self._wanted = threading.Event()
        self._stopped = False
        self._client = _client(ensemble, session_s)
        self._client.add_listener(self._heard)
        self._thread = threading.Thread(target=self._run, name="zookeeper", daemon=True)
        access.trouble = f"{ensemble} has not answered yet"

    def start(self) -> None:
        self._client.start_async()
        self._thread.start()

    def stop(self) -> None:
        self._stopped = True
        self._wanted.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=ANSWER_S)
        self._client.stop()
        self._client.close()

    def _heard(self, state: str) -> None:
        """Called by kazoo's own thread, which may not wait."""
        if state == KazooState.CONNECTED:
            self._wanted.set()
        elif not self._stopped:
            self._complain("does not answer")

    def _run(self) -> None:
        while True:
            self._wanted.wait(timeout=PERIOD_S)
            self._wanted.clear()
            if self._stopped:
                return
            if self._client.connected:
                try:
                    self._take(_masters(self._client, self._ensemble, self._watched))
                except MarathonError as error:
                    self._complain(str(error))

    def _watched(self, _event: Any) -> None:
        self._wanted.set()

    def _take(self, netlocs: tuple[str, ...]) -> None:
        if self._trouble:
            log.info("%s answers", self._ensemble)
            self._trouble = ""
        if netlocs != self._known:
            self._known = netlocs
            log.info("%s names Marathon's masters: %s leads", self._ensemble, ", ".join(netlocs))
            self._on_change(self._access.found(str(self._ensemble), netlocs)[0])

    def _complain(self, words: str) -> None:
        if words != self._trouble:
            self._trouble = words
            self._access.trouble = f"{self._ensemble} {words}, so no master is known"
            kept = f"; in use: {', '.join(self._known)}" if self._known else ""
            log.warning("%s %s%s", self._ensemble, words, kept)


def look(ensemble: Ensemble, timeout_s: float = ANSWER_S) -> tuple[str, ...]:
    """The masters as host:port, the leader first. Raises MarathonError."""
    client = _client(ensemble, SESSION_S)
    try:
        client.start(timeout=timeout_s)
        return _masters(client, ensemble)
    except KazooTimeoutError:
        raise MarathonError(f"{ensemble} does not answer") from None
    except MarathonError as error:
        raise MarathonError(f"{ensemble} {error}") from None
    finally:
        client.stop()
        client.close()


def _client(ensemble: Ensemble, session_s: float) -> KazooClient:
    quiet = logging.getLogger(f"{__name__}.kazoo")
    quiet.setLevel(logging.CRITICAL)  # each attempt is worth a line to kazoo; to us, a change is
    return KazooClient(
        hosts=ensemble.hosts,
        timeout=session_s,
        auth_data=[("digest", ensemble.login)] if ensemble.login else None,
        connection_retry={"max_tries": -1, "max_delay": 10.0},
        read_only=True,
        logger=quiet,
    )


def _masters(
    client: KazooClient, ensemble: Ensemble, watch: Callable[[Any], None] | None = None
) -> tuple[str, ...]:
    """Raises MarathonError without the ensemble's name."""
    try:
        for latch, pattern in _LATCHES:
            found = _members(client, f"{ensemble.path}/{latch}", pattern, watch)
            if found is not None:
                break
    except NoAuthError:
        raise MarathonError("does not let these credentials read") from None
    except (KazooException, KazooTimeoutError) as error:
        raise MarathonError(f"cannot be read: {type(error).__name__} {error}".rstrip()) from None
    if not found:
        raise MarathonError("names no master of Marathon")
    return found


def _members(
    client: KazooClient, path: str, pattern: re.Pattern[str], watch: Callable[[Any], None] | None
) -> tuple[str, ...] | None:
    """What the members say they are, lowest number first. None: there is no such latch."""
    names = _names(client, path, watch)
    if names is None:
        return None
    numbered = sorted((match[1], name) for name in names if (match := pattern.fullmatch(name)))
    found: dict[str, None] = {}
    for _, name in numbered:
        try:
            data, _ = _answer(client.get_async(f"{path}/{name}"))
            netloc = data.decode()
            masters([f"http://{netloc}"])
        except (NoNodeError, UnicodeDecodeError, SettingsError):
            continue  # it left just now, or is nobody we could ask
        found[netloc] = None
    return tuple(found)


def _names(client: KazooClient, path: str, watch: Callable[[Any], None] | None) -> list[str] | None:
    try:
        return list(_answer(client.get_children_async(path, watch=watch)))
    except NoNodeError:
        if _answer(client.exists_async(path, watch=watch)) is None:
            return None
    # It came between the two questions, and that watch is none for its children.
    return _names(client, path, watch)


def _answer(asked: IAsyncResult) -> Any:
    return asked.get(timeout=ANSWER_S)
