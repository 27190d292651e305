"""The address of a ZooKeeper ensemble that knows Marathon's masters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from appliance.errors import SettingsError

_URL = re.compile(r"zk://(?:(?P<login>[^@/\s]+:[^@/\s]*)@)?(?P<hosts>[^@/\s]+)(?P<path>(?:/[^/\s]+)+)/?")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


@dataclass(frozen=True)
class Ensemble:
    """`zk://[user:password@]h1:2181,h2:2181/marathon`"""

    hosts: str
    path: str
    login: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> Ensemble:
        """Raises SettingsError; the message shows no password."""
        match = _URL.fullmatch(url)
        hosts = match["hosts"].split(",") if match else []
        if match is None or not all(map(_HOST.fullmatch, hosts)):
            shown = re.sub("//.*@", "//…@", url)
            raise SettingsError(f"{shown!r} is not zk://HOST:2181,HOST:2181/marathon")
        return cls(match["hosts"], match["path"], match["login"] or "")

    def __str__(self) -> str:
        return f"zk://{self.hosts}{self.path}"
