"""What was worked out about each app, kept until that app or an address of its hosts changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

from appliance.marathon.model import ip_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from appliance.marathon.model import App, Cluster
    from appliance.services.model import Quarantined, Service


@dataclass
class _Entry:
    app: App
    hosts: tuple[str, ...]
    ips: tuple[str, ...] = ()
    beside: object = None
    offers: tuple[Service | Quarantined, ...] | None = None


class Memo:
    """For one selection. The outcome is the same as without it: what an app offers depends on it alone."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._ips: dict[str, str] = {}
        self._seen: tuple[Cluster, set[str]] | None = None

    def hosts(self, cluster: Cluster) -> set[str]:
        """Every host that a task of `cluster` listens on. Apps that are gone are forgotten."""
        if self._seen and self._seen[0] is cluster:
            return self._seen[1]
        known, self._entries = self._entries, {}
        for app in cluster.apps:
            entry = known.get(app.id)
            if entry is None or entry.app is not app:
                entry = _Entry(app, tuple(sorted(_hosts(app))))
            self._entries[app.id] = entry
        self._seen = cluster, {host for entry in self._entries.values() for host in entry.hosts}
        return self._seen[1]

    def ips(self, cluster: Cluster, addresses: Mapping[str, str]) -> dict[str, str]:
        """Every host to its IP address, '' if it has none."""
        return {host: ip_address(addresses.get(host, host)) for host in self.hosts(cluster)}

    def offers(
        self,
        cluster: Cluster,
        ips: dict[str, str],
        work_out: Callable[[App], Iterable[Service | Quarantined]],
        beside: Callable[[App], object] = lambda _: None,
    ) -> Iterator[Service | Quarantined]:
        """What each app offers, worked out where it has to be. `ips` stems from `ips()` of the same cluster.

        `beside`: all that the outcome depends on besides the app and its addresses; compared by equality.
        """
        same = ips == self._ips
        self._ips = ips
        for app in cluster.apps:
            entry = self._entries[app.id]
            others = beside(app)
            if entry.offers is None or not same or others != entry.beside:
                own = tuple(ips[host] for host in entry.hosts)
                if entry.offers is None or (own, others) != (entry.ips, entry.beside):
                    entry.ips, entry.beside, entry.offers = own, others, tuple(work_out(app))
            yield from entry.offers


def _hosts(app: App) -> set[str]:
    return {endpoint.host for task in app.tasks for endpoint in task.endpoints if endpoint}
