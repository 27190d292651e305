"""What the day-2 commands share: which node is meant, giving it an order, seeing what came of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable

from appliance import files, interfaces
from appliance.errors import ApplianceError, NotRunningError, UsageError
from appliance.health import reports
from appliance.health.orders import Reader
from appliance.health.verdict import Verdict
from appliance.setup.node import ask
from appliance.status import cluster, orders
from appliance.status.tell import tell

if TYPE_CHECKING:
    from appliance.paths import Paths
    from appliance.settings import Node, Settings
    from appliance.status.cluster import Row

LOOK_S = 0.005
ASK_S = 0.05


def node_called(wanted: Settings, text: str) -> Node:
    """By name or address; '' is this node. Raises UsageError."""
    if not text:
        return wanted.cluster.node
    for node in wanted.cluster.nodes:
        if text in (node.name, node.address):
            return node
    names = ", ".join(node.name for node in wanted.cluster.nodes)
    raise UsageError(f"no node '{text}' in cluster.nodes; there are {names}")


def give(paths: Paths, wanted: Settings, node: Node, **order: Any) -> str:
    """What the node did, in its words. Raises ApplianceError."""
    if node == wanted.cluster.node:
        return orders.carry_out(paths, order)
    return tell(paths, wanted.cluster.address, node, order)


def give_all(paths: Paths, wanted: Settings, first: Node, **order: Any) -> dict[str, str]:
    """Give it to every node, `first` first. Returns what those who did not take it said, by name."""
    nodes = sorted(wanted.cluster.nodes, key=lambda node: node != first)
    said = {node.name: _trouble(paths, wanted, node, order) for node in nodes}
    return {name: trouble for name, trouble in said.items() if trouble}


def _trouble(paths: Paths, wanted: Settings, node: Node, order: dict[str, Any]) -> str:
    try:
        give(paths, wanted, node, **order)
    except ApplianceError as error:
        return str(error)
    return ""


class Seen:
    """A node as it is now: this one by its own files and interface, another by its agent."""

    def __init__(self, paths: Paths, wanted: Settings, node: Node) -> None:
        self._paths = paths
        self._vips = wanted.vips
        self._node = node
        self._own = node == wanted.cluster.node
        self.pause_s = LOOK_S if self._own else ASK_S

    def health(self) -> dict[str, Any]:
        if self._own:
            return files.report(self._paths.health_report)
        health = ask(self._node.address).get("health")
        return health if isinstance(health, dict) else {}

    def verdict(self) -> str:
        return str(self.health().get("verdict"))

    def holds(self) -> bool:
        """Whether it has the first VIP; a node that does not answer is not believed to have let go."""
        return self._vips[0].address in self.held()

    def held(self) -> tuple[str, ...]:
        """All VIPs that it has; a node that does not answer is not believed to have let any go."""
        if self._own:
            return tuple(it.address for it in self._vips if interfaces.holds(it.address, it.interface))
        said = ask(self._node.address).get("vips")
        free = {it["address"] for it in said if not it["holds"]} if isinstance(said, list) else ()
        return tuple(it.address for it in self._vips if it.address not in free)

    def wait(self, happened: Callable[[], bool], deadline_s: float) -> bool:
        end = time.monotonic() + deadline_s
        while not happened():
            if time.monotonic() >= end:
                return False
            time.sleep(self.pause_s)
        return True


def need_health(paths: Paths) -> None:
    if not reports.lives(paths):
        raise NotRunningError("the health program does not run on this node: start the appliance first")


def refuse_while_paused(paths: Paths) -> None:
    if Reader(paths).read().paused:
        raise ApplianceError("priorities are frozen, so nothing would move: 'appliance resume' first")


def works(row: Row) -> bool:
    """Whether the VIP may go there: its load balancer works, and it is not drained."""
    yields = bool(row.part("health").get("yields_to")) and not row.part("health").get("draining")
    return row.verdict in (Verdict.HEALTHY, Verdict.DEGRADED) or yields


def no_other_works(wanted: Settings, node: Node) -> str:
    """Why `node` should keep the VIP: no other one can take it. Empty: one can."""
    others = [row for row in cluster.ask(wanted).rows if row.address != node.address]
    if any(map(works, others)):
        return ""
    known = ", ".join(row.arithmetic for row in others) or "its peers are not known here"
    return f"no other node is healthy ({known})"
