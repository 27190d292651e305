"""This node's status: what its programs published, and what the interface and the track file really say."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from appliance import __version__, files, interfaces
from appliance.health import reports, verdict
from appliance.keepalived import priority, service
from appliance.keepalived.notify import State
from appliance.trust import Trust

if TYPE_CHECKING:
    from appliance.paths import Paths
    from appliance.settings import Settings, Vip
    from appliance.status.configuration import Configuration
    from appliance.status.ownership import Ownership

SCHEMA = "marathon-ha-appliance/node/1"
OWNER = "OWNER"
STANDBY = "standby"
FAULT = "FAULT"
STOPPED = "stopped"
LB_SILENT_S = 30.0
"""It writes every second; a reload, or a HAProxy that does not answer, may hold it up."""


def status(
    paths: Paths, settings: Settings, ownership: Ownership, configuration: Configuration
) -> dict[str, Any]:
    """The object that the agent answers at /status.json."""
    vips = [_vip(settings, vip, reports.weight(paths) or 0, ownership) for vip in settings.vips]
    holds = any(vip["holds"] for vip in vips)
    weight = reports.weight(paths) or 0
    vrrp = files.report(paths.vrrp_report)
    return {
        "schema": SCHEMA,
        "name": settings.cluster.node.name,
        "address": settings.cluster.address,
        "rank": settings.cluster.rank,
        "version": __version__,
        "mode": settings.lb.mode,
        "vip": settings.vip.address,
        "holds_vip": vips[0]["holds"],
        "vips": vips,
        "nodes": [node.address for node in settings.cluster.nodes],
        "role": role(holds, weight, runs=service.runs(paths), state=str(vrrp.get("state"))),
        "priority": {
            "base": priority.base(settings.cluster.rank),
            "weight": weight,
            "effective": priority.effective(settings.cluster.rank, weight),
        },
        "lb": generator(paths),
        "configuration": configuration.facts(),
        "health": _health(paths, weight),
        "sight": _sight(paths),
        "shows": Trust(paths).shown(),
        "vrrp": vrrp,
        "domain": files.report(paths.domain_report) if settings.dns.domain else {},
        "at": time.time(),
    }


def _vip(settings: Settings, vip: Vip, weight: int, ownership: Ownership) -> dict[str, Any]:
    rank = settings.cluster.rank_for(vip)
    holds = interfaces.holds(vip.address, vip.interface)
    return {
        "address": vip.address,
        "virtual_router_id": vip.virtual_router_id,
        "holds": holds,
        "held_s": round(ownership.held_s(vip.address, holds, time.monotonic()), 3),
        "rank": rank,
        "base": priority.base(rank),
        "effective": priority.effective(rank, weight),
    }


def role(holds: bool, weight: int, *, runs: bool, state: str) -> str:
    """The interface decides who owns the VIP, not what a program remembers."""
    if holds:
        return OWNER
    if not runs:
        return STOPPED
    return FAULT if weight <= priority.FAULT or state == State.FAULT.value else STANDBY


def generator(paths: Paths) -> dict[str, Any]:
    """The generator's report; that it is old is an alarm that the generator itself cannot raise."""
    report = files.report(paths.lb_report)
    try:
        written_at = paths.lb_report.stat().st_mtime
    except OSError:
        return report
    age_s = time.time() - written_at
    if age_s <= LB_SILENT_S:
        return report
    where = f"or {paths.lb_run} is full or read-only"
    text = f"the generator has written no report for {age_s:.0f} s: it does not run, {where}"
    alarm = {"id": "LB-SILENT", "text": text, "since": written_at}
    return {**report, "alarms": [*(report.get("alarms") or ()), alarm]}


def _health(paths: Paths, weight: int) -> dict[str, Any]:
    """Health's report, or what keepalived takes for it while health is silent."""
    report = files.report(paths.health_report)
    if report and reports.lives(paths):
        return report
    age_s = reports.heartbeat_age_s(paths)
    silent = "health program has not run yet" if age_s is None else "health program is silent"
    return {**report, "verdict": verdict.weighing(weight).name, "weight": weight, "reasons": [silent]}


def _sight(paths: Paths) -> dict[str, Any]:
    """What the peers compare themselves with."""
    try:
        written_at = paths.lb_report.stat().st_mtime
    except OSError:
        written_at = 0.0
    return {
        "picture_age_s": reports.picture_age_s(files.report(paths.lb_report), written_at, time.time()),
        "servers_up": files.report(paths.health_report).get("servers_up"),
    }
