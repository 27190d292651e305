"""Reads what Marathon runs. Every failure of a master leads to the next one; the last good comes first."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import requests
import urllib3

from appliance.errors import MarathonError
from appliance.marathon import wire
from appliance.marathon.access import reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.marathon.access import Access
    from appliance.marathon.model import Cluster

APPS = "/v2/apps?embed=apps.tasks"
READ_TIMEOUT_S = 10.0
"""Longest silence within an answer."""
ANSWER_TIMEOUT_S = 30.0
"""For a whole body, so that one that drips ends, too."""


class Client:
    """`cluster()` is one complete, current answer of whichever master gives it."""

    def __init__(
        self,
        access: Access,
        *,
        read_timeout_s: float = READ_TIMEOUT_S,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._access = access
        self._read_timeout_s = read_timeout_s
        self._answer_timeout_s = answer_timeout_s
        self._clock = clock
        self._order = list(access.urls)

    @property
    def url(self) -> str:
        """The master that answered last; before that the first one."""
        return self._order[0]

    def cluster(self) -> Cluster:
        """Raises MarathonError naming each master with its reason."""
        failures = []
        for url in tuple(self._order):
            try:
                cluster = wire.apps(self._body(url + APPS))
            except (MarathonError, ValueError) as error:
                failures.append(f"{url} {error}")
                continue
            self._order.remove(url)
            self._order.insert(0, url)
            return cluster
        raise MarathonError(f"no Marathon master answers: {'; '.join(failures)}")

    def _body(self, url: str) -> bytes:
        ends = self._clock() + self._answer_timeout_s
        headers = {"Accept": "application/json"}
        response = self._access.get(url, headers, self._read_timeout_s)
        chunks = []
        try:
            # read1 returns what has come; read would wait for more than the deadline allows.
            while chunk := response.raw.read1(65536, decode_content=True):
                chunks.append(chunk)
                if self._clock() > ends:
                    raise MarathonError(f"takes longer than {self._answer_timeout_s:.0f} s to answer")
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise MarathonError(reason(error)) from None
        finally:
            response.close()
        return b"".join(chunks)
