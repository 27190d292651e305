"""What Prometheus is told of this node: its programs' reports as samples. Pure; docs/metrics.md lists them.

What a report does not say gives no sample: a program that is dead, or of another version, is no error.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily

from appliance.health.verdict import Verdict, named
from appliance.status import cluster, troubles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from appliance.status.processes import Process

CONTENT_TYPE = "text/plain; version=0.0.4"
MOST_NAMED = 100
"""Quarantined apps and certificates; more are counted, not named, so that a scrape stays small."""
_FAILED = ("failed", "refused")

Sample = tuple["tuple[object, ...]", object]
"""Values of the labels; and the value, which gives a sample if it is a number."""


def text(status: Mapping[str, Any], processes: Sequence[Process] = ()) -> str:
    """In Prometheus' text format. `status` is what `node.status` found, and its `at` is now."""
    return generate_latest(_Collected(families(status, processes))).decode()


def families(status: Mapping[str, Any], processes: Sequence[Process] = ()) -> list[Metric]:
    """Those that have a sample."""
    now = _number(status.get("at")) or 0.0
    lb, health = _part(status, "lb"), _part(status, "health")
    found = (
        _gauge("build_info", "Version of the appliance.", [((status.get("version", ""),), 1)], "version"),
        *_vips(status),
        *_transitions(_part(status, "vrrp")),
        *_verdict(health),
        *_configuration(status, lb),
        *_applies(lb),
        *_marathon(_part(lb, "marathon"), now),
        *_served(status, lb, health),
        _certificates(lb, now),
        _alarms(status),
        *_processes(processes),
    )
    return [family for family in found if family.samples]


def _vips(status: Mapping[str, Any]) -> Iterator[Metric]:
    vips = _items(status, "vips")
    weight = _number(_part(status, "priority").get("weight"))
    yield _gauge(
        "vip_owner",
        "Whether this node's interface has the VIP.",
        [((vip.get("address"),), vip.get("holds")) for vip in vips],
        "vip",
    )
    yield _gauge(
        "effective_priority",
        "What keepalived announces for the VIP; 0 in FAULT.",
        [((vip.get("address"),), vip.get("effective") or 0) for vip in vips],
        "vip",
    )
    reasons: list[Sample] = []
    for vip in vips:
        address = vip.get("address")
        reasons += [((address, "base"), vip.get("base")), ((address, "verdict"), weight)]
    yield _gauge("priority_reason", "What adds up to the effective priority.", reasons, "vip", "reason")


def _transitions(vrrp: Mapping[str, Any]) -> Iterator[Metric]:
    vips = _part(vrrp, "vips")
    counts: list[Sample] = [
        ((address, to, cause), count)
        for address in vips
        for to in _part(_part(vips, address), "transitions")
        for cause, count in _part(_part(_part(vips, address), "transitions"), to).items()
    ]
    words = "Changes of the VRRP state, by the new state and the kind of its cause."
    yield _counter("vip_transitions", words, counts, "vip", "to", "cause")
    yield _gauge(
        "takeover_seconds",
        "From the former owner's last advert to this node's ownership, at its last takeover.",
        [((address,), _part(vips, address).get("takeover_s")) for address in vips],
        "vip",
    )


def _verdict(health: Mapping[str, Any]) -> Iterator[Metric]:
    verdict = named(str(health.get("verdict")))
    yield _gauge(
        "verdict",
        "1 for this node's verdict, 0 for the others.",
        [((each.name,), each is verdict) for each in Verdict],
        "verdict",
    )
    yield _gauge("lb_healthy", "Whether a load balancer works here.", [((), verdict.serves)])
    yield _gauge("maintenance", "Whether this node is drained.", [((), health.get("draining"))])
    yield _gauge("paused", "Whether priorities are frozen here.", [((), health.get("paused"))])
    peers = _part(health, "peers")
    answers: list[Sample] = [((address,), _part(peers, address).get("answers")) for address in peers]
    yield _gauge("peer_up", "Whether the agent of this peer answers this node.", answers, "node")


def _configuration(status: Mapping[str, Any], lb: Mapping[str, Any]) -> Iterator[Metric]:
    yield _gauge("config_generation", "Number of the configuration.", [((), lb.get("generation"))])
    hashes: list[Sample] = [((lb["hash"],), 1)] if lb.get("hash") else []
    yield _gauge("config_hash_info", "Hash of the configuration that is wanted.", hashes, "hash")
    common = _part(status, "configuration").get("hash")
    words = "Hash of the configuration without what differs from machine to machine."
    yield _gauge("config_common_info", words, [((common,), 1)] if common else [], "hash")
    yield _gauge("config_applied", "Whether HAProxy runs what is wanted.", [((), lb.get("applied"))])
    held: list[Sample] = [((), lb["held"] is not None)] if "held" in lb else []
    yield _gauge("config_held", "Whether an operator holds a generation.", held)


def _applies(lb: Mapping[str, Any]) -> Iterator[Metric]:
    applies = _items(lb, "applies")
    yield _counter(
        "apply",
        "How often HAProxy was given a configuration, by kind and result, since the generator started.",
        [((it.get("kind"), it.get("result")), it.get("count")) for it in applies],
        "kind",
        "result",
    )
    seconds = SummaryMetricFamily("appliance_apply_seconds", "How long that took, by kind.", labels=("kind",))
    for kind in sorted({str(it.get("kind")) for it in applies}):
        ours = [it for it in applies if it.get("kind") == kind]
        count, sum_s = _sum(ours, "count"), _sum(ours, "seconds")
        seconds.add_metric([_label(kind)], count_value=int(count), sum_value=sum_s)
    yield seconds
    failed = _sum([it for it in applies if it.get("result") in _FAILED], "count")
    totals: list[Sample] = [((), failed)] if "applies" in lb else []
    yield _counter("reload_failed", "Applies that HAProxy refused or that failed.", totals)
    reasons: list[Sample] = [((kind,), count) for kind, count in _part(lb, "reload_reasons").items()]
    yield _counter("reload_reasons", "Reloads by what they were needed for.", reasons, "reason")
    last = _part(lb, "last_reload").get("ok")
    yield _gauge("last_reload_successful", "Whether HAProxy took what it was given last.", [((), last)])
    words = "Workers of HAProxy that only finish their connections."
    yield _gauge("old_workers", words, [((), lb.get("old_workers"))])


def _marathon(marathon: Mapping[str, Any], now: float) -> Iterator[Metric]:
    def age(key: str) -> list[Sample]:
        at = _number(marathon.get(key))
        return [((), max(now - at, 0.0))] if at else []

    yield _gauge("marathon_connected", "Whether events arrive.", [((), marathon.get("connected"))])
    yield _gauge("marathon_stream_age_seconds", "Age of the open event stream.", age("connected_since"))
    yield _gauge("marathon_last_event_age_seconds", "Since the last event.", age("last_event_at"))
    words = "From Marathon's time stamp to the arrival of the last event."
    lag = marathon.get("lag_s") if _number(marathon.get("last_event_at")) else None
    yield _gauge("marathon_event_lag_seconds", words, [((), lag)])
    attached = _number(marathon.get("attached"))
    again: list[Sample] = [] if attached is None else [((), max(attached - 1, 0))]
    yield _counter("marathon_reconnects", "Event streams after the first.", again)
    for key, name, words in (
        ("events", "marathon_events", "Events that arrived."),
        ("full_reads", "marathon_full_reads", "Answers with all apps."),
        ("app_reads", "marathon_app_reads", "Answers with one app."),
        ("repaired", "marathon_repaired_apps", "Changes of apps that no event had told."),
    ):
        yield _counter(name, words, [((), marathon.get(key))])


def _served(status: Mapping[str, Any], lb: Mapping[str, Any], health: Mapping[str, Any]) -> Iterator[Metric]:
    age_s = _part(status, "sight").get("picture_age_s")
    yield _gauge("picture_age_seconds", "Since what Marathon runs was known last.", [((), age_s)])
    yield _gauge("apps", "Apps that Marathon runs.", [((), lb.get("apps"))])
    apps = sorted({str(it.get("app_id")) for it in _items(lb, "quarantined")})
    total: list[Sample] = [((), len(apps))] if "quarantined" in lb else []
    yield _gauge("apps_quarantined", "Apps that are not served as they ask.", total)
    words = f"1 for each of them, the first {MOST_NAMED}."
    yield _gauge("app_quarantined", words, [((app,), 1) for app in apps[:MOST_NAMED]], "app_id")
    yield _gauge("backends", "Backends of the configuration.", [((), lb.get("backends"))])
    servers: list[Sample] = [((state,), count) for state, count in _part(health, "servers").items()]
    yield _gauge("servers", "Servers by what HAProxy's checks say, each address once.", servers, "state")


def _certificates(lb: Mapping[str, Any], now: float) -> Metric:
    ends = sorted(
        (not_after, str(it.get("path")))
        for it in _items(lb, "certificates")
        if (not_after := _number(it.get("not_after")))
    )
    words = f"Until the certificate expires, below 0 when it has; the first {MOST_NAMED} that do."
    left: list[Sample] = [((path,), not_after - now) for not_after, path in ends[:MOST_NAMED]]
    return _gauge("certificate_expiry_seconds", words, left, "path")


def _alarms(status: Mapping[str, Any]) -> Metric:
    row = cluster.Row(str(status.get("name")), str(status.get("address")), 0, status)
    told = (*troubles.of_generator(status), *troubles.told(status, "vrrp"))
    counts = Counter([*(it[0] for it in told), *(alarm.id for alarm in cluster.state_alarms(row))])
    samples: list[Sample] = [((identity,), count) for identity, count in sorted(counts.items())]
    return _gauge("alarms", "Alarms of this node by id.", samples, "id")


def _processes(processes: Sequence[Process]) -> Iterator[Metric]:
    up: list[Sample] = [((it.name,), it.runs) for it in processes]
    yield _gauge("process_up", "Whether supervisord says that it runs.", up, "process")
    started: list[Sample] = [((it.name,), it.started_at) for it in processes if it.runs]
    words = "Since the epoch; each change is a restart."
    yield _gauge("process_start_time_seconds", words, started, "process")
    memory: list[Sample] = [((it.name,), it.memory) for it in processes if it.memory]
    words = "Of the process and its children."
    yield _gauge("process_resident_memory_bytes", words, memory, "process")


def _gauge(name: str, words: str, samples: Iterable[Sample], *labels: str) -> Metric:
    return _filled(GaugeMetricFamily(f"appliance_{name}", words, labels=labels), samples)


def _counter(name: str, words: str, samples: Iterable[Sample], *labels: str) -> Metric:
    return _filled(CounterMetricFamily(f"appliance_{name}", words, labels=labels), samples)


def _filled(
    family: GaugeMetricFamily | CounterMetricFamily,
    samples: Iterable[Sample],
) -> Metric:
    for values, said in samples:
        number = _number(said)
        if number is not None:
            family.add_metric([_label(value) for value in values], number)
    return family


def _label(value: object) -> str:
    """What no UTF-8 can hold is replaced: Prometheus would refuse the whole scrape."""
    return str(value).encode("utf-8", "replace").decode()


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (bool, int, float)) else None


def _sum(items: Iterable[Mapping[str, Any]], key: str) -> float:
    return sum(_number(it.get(key)) or 0.0 for it in items)


def _part(facts: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = facts.get(key)
    return part if isinstance(part, dict) else {}


def _items(facts: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    items = facts.get(key)
    return [it for it in items if isinstance(it, dict)] if isinstance(items, list) else []


class _Collected:
    """The one method of a registry that is needed."""

    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        return self._found
