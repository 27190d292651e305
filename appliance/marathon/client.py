"""Reads what Marathon runs. Every failure of a master leads to the next one; the last good comes first."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Callable, TypeVar
from urllib.parse import quote

import requests
import urllib3

from appliance.errors import MarathonError
from appliance.marathon import wire
from appliance.marathon.access import RefusalError, reason
from appliance.marathon.model import Cluster

if TYPE_CHECKING:
    from appliance.marathon.access import Access

log = logging.getLogger(__name__)
APPS = "/v2/apps?embed=apps.tasks"
INFO = "/v2/info"
READ_TIMEOUT_S = 10.0
"""Longest silence within an answer."""
ANSWER_TIMEOUT_S = 30.0
"""For a whole answer, so that one that drips ends, too."""
REQUEST_S = ANSWER_TIMEOUT_S + READ_TIMEOUT_S
"""No request takes longer, where names resolve: its last wait begins before its time is over."""

T = TypeVar("T")


class StrangerError(MarathonError):
    """The only masters that answer belong to another cluster: the one with this `framework_id`."""

    def __init__(self, words: str, framework_id: str) -> None:
        super().__init__(words)
        self.framework_id = framework_id


class Client:
    """Each answer is a complete, current one of whichever master gives it."""

    def __init__(
        self,
        access: Access,
        *,
        read_timeout_s: float = READ_TIMEOUT_S,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
        prefer_host_ports: bool = False,
    ) -> None:
        """`prefer_host_ports`: of tasks with addresses of their own, where they are mapped on their host."""
        self._access = access
        self._prefer_host_ports = prefer_host_ports
        self._read_timeout_s = read_timeout_s
        self._answer_timeout_s = answer_timeout_s
        self._clock = clock
        self._last_good = ""
        self._told: dict[str, str] = {}
        self.framework_id = ""
        """Of the cluster that is ours. Empty: not known, then any is."""
        self.leader = ""
        """Whom the last answer named as the leader; '' where it said nothing."""

    @property
    def url(self) -> str:
        """The master that answered last; before that the first one, '' if none is known."""
        return self._last_good or next(iter(self._access.urls), "")

    def prefer(self, url: str) -> None:
        """Ask this master first from now on, as long as it is good."""
        self._last_good = url

    def cluster(self) -> Cluster:
        """Everything. Raises MarathonError naming each master with its reason."""
        return self._first(self._apps)

    def own_cluster(self, *, other_first: bool = False) -> Cluster:
        """Everything, of a master that serves the framework `framework_id`; the first one known becomes ours.

        `other_first`: begin with another master than the one that answered last.
        Raises MarathonError; StrangerError when every answer came from one and the same other cluster.
        """
        strangers: set[str] = set()
        failed: list[str] = []

        def ask(url: str) -> Cluster:
            found = self._framework_id(url)
            if self._strange(found):
                strangers.add(found)
                raise MarathonError(f"belongs to another cluster: framework {found}, not {self.framework_id}")
            try:
                answer = self._apps(url)
            except (MarathonError, ValueError):
                failed.append(url)
                raise
            self.framework_id = self.framework_id or found
            return answer

        try:
            return self._first(ask, other_first=other_first)
        except MarathonError as error:
            if len(strangers) == 1 and not failed:
                raise StrangerError(str(error), strangers.pop()) from None
            raise

    def app(self, app_id: str) -> Cluster:
        """One app, or an empty Cluster where Marathon says that it does not exist. Raises MarathonError."""
        return self._first(lambda url: self._app(url, app_id))

    def _app(self, url: str, app_id: str) -> Cluster:
        try:
            body = self.body(f"{url}/v2/apps{quote(app_id)}?embed=app.tasks")
        except RefusalError as error:
            if error.status != requests.codes.not_found or not _says_gone(error.body, app_id):
                raise
            if self._strange(self._framework_id(url)):
                raise MarathonError("belongs to another cluster, which does not know the app") from None
            return Cluster()
        return wire.app(body, app_id, prefer_host_ports=self._prefer_host_ports)

    def _apps(self, url: str) -> Cluster:
        return wire.apps(self.body(url + APPS), prefer_host_ports=self._prefer_host_ports)

    def _strange(self, framework_id: str) -> bool:
        return bool(framework_id and self.framework_id and framework_id != self.framework_id)

    def _framework_id(self, url: str) -> str:
        """The leader's, also through a standby. '' where it is not told, which is no failure.

        Raises MarathonError where nobody answers: then nothing else needs to be asked.
        """
        try:
            return str(json.loads(self.body(url + INFO))["frameworkId"] or "")
        except (RefusalError, ValueError, LookupError, TypeError):
            return ""

    def _first(self, ask: Callable[[str], T], *, other_first: bool = False) -> T:
        failures = []
        urls = self._access.in_order(self._last_good)
        for url in urls[1:] + urls[:1] if other_first else urls:
            try:
                answer = ask(url)
            except (MarathonError, ValueError) as error:
                failures.append(f"{url} {error}")
                self._tell(url, str(error))
                continue
            self._tell(url, "")
            self._last_good = url
            return answer
        raise MarathonError(f"no Marathon master answers: {'; '.join(failures)}")

    def _tell(self, url: str, trouble: str) -> None:
        """Log why a master is left for the next one, once per change."""
        if trouble == self._told.get(url, ""):
            return
        self._told[url] = trouble
        if trouble:
            log.warning("Marathon's master %s %s", url, trouble)
        else:
            log.info("Marathon's master %s answers again", url)

    def _in_time(self, ends: float) -> bool:
        """Raises MarathonError."""
        if self._clock() > ends:
            raise MarathonError(f"takes longer than {self._answer_timeout_s:.0f} s to answer")
        return True

    def body(self, url: str) -> bytes:
        """What is answered at `url`. Raises MarathonError."""
        ends = self._clock() + self._answer_timeout_s
        headers = {"Accept": "application/json"}
        response = self._access.get(url, headers, self._read_timeout_s)
        self.leader = response.headers.get("X-Marathon-Leader", "")
        chunks = []
        try:
            # read1 returns what has come; read would wait for more than the deadline allows.
            while self._in_time(ends) and (chunk := response.raw.read1(65536, decode_content=True)):
                chunks.append(chunk)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise MarathonError(reason(error)) from None
        finally:
            response.close()
        return b"".join(chunks)


def _says_gone(body: str, app_id: str) -> bool:
    """Marathon's own words for an app that does not exist; any other 404 means nothing."""
    try:
        message = str(json.loads(body)["message"])
    except (ValueError, LookupError, TypeError):
        return False
    return f"'{app_id}'" in message and "does not exist" in message
