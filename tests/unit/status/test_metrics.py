"""The programs' reports as Prometheus reads them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from appliance.status import metrics, processes
from appliance.status.processes import Process

NOW = 1_000_000.0
VIP, MORE = "10.77.0.250", "10.77.0.251"
FULL = {
    "at": NOW,
    "name": "slave-1",
    "address": "10.77.0.237",
    "version": "0.1.0",
    "role": "OWNER",
    "vips": [
        {"address": VIP, "holds": True, "base": 82, "effective": 246},
        {"address": MORE, "holds": False, "base": 72, "effective": 236},
    ],
    "priority": {"base": 82, "weight": 164, "effective": 246},
    "health": {
        "verdict": "HEALTHY",
        "reasons": [],
        "lb_ok": True,
        "draining": False,
        "paused": True,
        "servers": {"up": 12, "down": 1, "unchecked": 2},
        "peers": {"10.77.0.238": {"answers": True}, "10.77.0.239": {"answers": False}},
    },
    "sight": {"picture_age_s": 3.5},
    "configuration": {"hash": "89abcdef", "age_s": 60.0},
    "vrrp": {
        "alarms": [{"id": "VIP-PEERS-SILENT", "text": "no peer answers", "since": 1.0}],
        "vips": {
            VIP: {"transitions": {"MASTER": {"silence": 2, "handed over": 1}}, "takeover_s": 0.3615},
            MORE: {"transitions": {}, "takeover_s": None},
        },
    },
    "lb": {
        "generation": 7,
        "hash": "0123abcd",
        "applied": True,
        "held": None,
        "apps": 3,
        "backends": 4,
        "old_workers": 1,
        "applies": [
            {"kind": "reload", "result": "failed", "count": 1, "seconds": 0.5},
            {"kind": "reload", "result": "ok", "count": 6, "seconds": 1.5},
            {"kind": "reload", "result": "refused", "count": 2, "seconds": 0.25},
        ],
        "reload_reasons": {"backend": 5, "service port": 1},
        "last_reload": {"at": 1.0, "ok": True, "message": ""},
        "quarantined": [
            {"app_id": "/bad", "reason": "a"},
            {"app_id": "/bad", "reason": "b"},
            {"app_id": "/worse", "reason": "c"},
        ],
        "certificates": [{"path": "/etc/ssl/cert.pem", "names": ["x"], "not_after": NOW + 86_400}],
        "alarms": [
            {"id": "CERTIFICATE-EXPIRES", "text": "", "since": 1.0},
            {"id": "CERTIFICATE-EXPIRES", "text": "", "since": 1.0},
            {"id": "marathon-away", "text": "", "since": 1.0},
        ],
        "marathon": {
            "connected": True,
            "connected_since": NOW - 60,
            "last_event_at": NOW - 2,
            "lag_s": 0.012,
            "attached": 3,
            "lost": 2,
            "events": 40,
            "full_reads": 5,
            "app_reads": 20,
            "repaired": 1,
        },
    },
}
PROCESSES = (Process("haproxy", True, 900_000.0, 50_000_000), Process("agent", False))


def read(status, running=()):
    """Each sample's value by its name and the values of its labels, in the order of their names."""
    found = {}
    for family in text_string_to_metric_families(metrics.text(status, running)):
        for sample in family.samples:
            key = sample.name.removeprefix("appliance_"), *sample.labels.values()
            assert key not in found, "twice"
            found[key] = sample.value
    return found


def test_what_the_programs_publish_is_there():
    seen = read(FULL, PROCESSES)
    expected = {
        ("build_info", "0.1.0"): 1,
        ("vip_owner", VIP): 1,
        ("vip_owner", MORE): 0,
        ("effective_priority", MORE): 236,
        ("priority_reason", "base", MORE): 72,
        ("priority_reason", "verdict", MORE): 164,
        ("vip_transitions_total", "silence", "MASTER", VIP): 2,
        ("takeover_seconds", VIP): 0.3615,
        ("verdict", "HEALTHY"): 1,
        ("verdict", "NO_LB"): 0,
        ("lb_healthy",): 1,
        ("maintenance",): 0,
        ("paused",): 1,
        ("peer_up", "10.77.0.239"): 0,
        ("config_generation",): 7,
        ("config_hash_info", "0123abcd"): 1,
        ("config_common_info", "89abcdef"): 1,
        ("config_applied",): 1,
        ("config_held",): 0,
        ("apply_total", "reload", "ok"): 6,
        ("apply_seconds_count", "reload"): 9,
        ("apply_seconds_sum", "reload"): 2.25,
        ("reload_failed_total",): 3,
        ("reload_reasons_total", "service port"): 1,
        ("last_reload_successful",): 1,
        ("old_workers",): 1,
        ("marathon_connected",): 1,
        ("marathon_stream_age_seconds",): 60,
        ("marathon_last_event_age_seconds",): 2,
        ("marathon_event_lag_seconds",): 0.012,
        ("marathon_reconnects_total",): 2,
        ("marathon_full_reads_total",): 5,
        ("marathon_app_reads_total",): 20,
        ("marathon_repaired_apps_total",): 1,
        ("picture_age_seconds",): 3.5,
        ("apps",): 3,
        ("apps_quarantined",): 2,
        ("app_quarantined", "/worse"): 1,
        ("backends",): 4,
        ("servers", "down"): 1,
        ("certificate_expiry_seconds", "/etc/ssl/cert.pem"): 86_400,
        ("process_up", "agent"): 0,
        ("process_start_time_seconds", "haproxy"): 900_000,
        ("process_resident_memory_bytes", "haproxy"): 50_000_000,
    }
    assert {key: seen.get(key) for key in expected} == expected
    assert ("takeover_seconds", MORE) not in seen, "this node never took it over"
    assert ("process_start_time_seconds", "agent") not in seen


def test_each_alarm_is_counted_by_its_id():
    seen = {key[1]: value for key, value in read(FULL).items() if key[0] == "alarms"}
    assert seen == {
        "CERTIFICATE-EXPIRES": 2,
        "marathon-away": 1,
        "QUARANTINE": 1,
        "VIP-PEERS-SILENT": 1,
        "PAUSED": 1,
    }


@pytest.mark.parametrize(
    ("change", "identity"),
    [
        ({"health": {"verdict": "DRAINING", "draining": True}}, "MAINTENANCE"),
        ({"role": "stopped"}, "VRRP-DOWN"),
        ({"health": {"verdict": "DEGRADED"}}, "LB-DEGRADED"),
        ({"health": {"verdict": "NO_LB"}}, "LB-DOWN"),
    ],
)
def test_an_alarm_that_follows_from_the_nodes_state_is_one_too(change, identity):
    assert read({**FULL, **change})["alarms", identity] == 1


@pytest.mark.parametrize(
    ("change", "gone"),
    [
        (
            {"lb": {}},
            {"apps", "marathon_connected", "config_held", "apps_quarantined", "reload_failed_total"},
        ),
        ({"vrrp": {}}, {"vip_transitions_total", "takeover_seconds"}),
        ({"health": {}}, {"maintenance", "paused", "peer_up", "servers"}),
        (
            {"lb": {"marathon": {"connected": False, "connected_since": 0.0, "last_event_at": 0.0}}},
            {"marathon_stream_age_seconds", "marathon_last_event_age_seconds", "marathon_event_lag_seconds"},
        ),
        ({"lb": {"backends": None, "old_workers": None}}, {"backends", "old_workers"}),
    ],
)
def test_a_report_that_is_missing_gives_missing_samples(change, gone):
    names = {key[0] for key in read({**FULL, **change})}
    assert not gone & names
    assert {"build_info", "vip_owner", "verdict"} <= names


@pytest.mark.parametrize(
    "wrong", [None, 1, "x", [], ["x"], {"alarms": ["x"], "marathon": 1, "peers": {"a": 1}}]
)
def test_a_report_that_is_not_as_it_should_be_is_no_error(wrong):
    for key in FULL.keys() - {"at"}:
        read({**FULL, key: wrong})
    for part in ("lb", "health", "vrrp"):
        for key in FULL[part]:
            read({**FULL, part: {**FULL[part], key: wrong}})
    assert read({})


@pytest.mark.parametrize("evil", ['/a"b', "/a\\b", "/a\nappliance_apps 9", "/ä", "/a{b}=,"])
def test_a_label_is_whatever_it_is(evil):
    seen = read({**FULL, "lb": {"quarantined": [{"app_id": evil, "reason": ""}], "apps": 3}})
    assert seen["app_quarantined", evil] == 1
    assert seen["apps",] == 3


def test_what_is_no_character_hides_nothing_else():
    seen = read({**FULL, "lb": {"quarantined": [{"app_id": "/\ud800", "reason": ""}]}})
    assert seen["app_quarantined", "/?"] == 1


def test_a_thousand_apps_are_counted_and_the_first_hundred_named():
    quarantined = [{"app_id": f"/app-{number}", "reason": "x"} for number in range(1000)]
    certificates = [{"path": f"/{number}.pem", "not_after": NOW - number} for number in range(1000)]
    lb = {**FULL["lb"], "quarantined": quarantined, "certificates": certificates}
    seen = read({**FULL, "lb": lb})
    assert seen["apps_quarantined",] == 1000
    assert sum(key[0] == "app_quarantined" for key in seen) == 100
    ends = [key[1] for key in seen if key[0] == "certificate_expiry_seconds"]
    assert len(ends) == 100
    assert "/999.pem" in ends, "the first that expire"
    assert len(metrics.text({**FULL, "lb": lb})) < 40_000


def test_names_and_types_follow_the_convention():
    for family in metrics.families(FULL, PROCESSES):
        assert re.fullmatch("appliance_[a-z_]+[a-z]", family.name)
        assert family.documentation.endswith(".")
        assert ("seconds" in family.name) <= family.name.endswith("_seconds"), "the unit comes last"
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter")
            assert not {"le", "quantile", "job", "instance"} & sample.labels.keys()


def test_the_documentation_lists_each_metric_and_no_other():
    text = (Path(__file__).resolve().parents[3] / "docs/metrics.md").read_text()
    listed = set(re.findall(r"^\| `(appliance_[a-z_]+)", text, re.MULTILINE))
    told = set()
    for family in metrics.families(FULL, PROCESSES):
        told.add(family.name + ("_total" if family.type == "counter" else ""))
    assert listed == told


def test_memory_is_that_of_a_process_and_its_children(tmp_path):
    for pid, pages, children in ((1, 10, "2 3"), (2, 5, ""), (3, 1, "4")):
        folder = tmp_path / str(pid) / "task" / str(pid)
        folder.mkdir(parents=True)
        (folder / "children").write_text(children)
        (tmp_path / str(pid) / "statm").write_text(f"100 {pages} 3 1 0 9 0\n")
    (tmp_path / "2/task/2/children").unlink()  # a kernel that does not list them
    assert processes.memory(1, tmp_path) == 16 * os.sysconf("SC_PAGE_SIZE"), "4 is gone by now"
    assert processes.memory(os.getpid()) > 1_000_000


def test_without_supervisord_there_are_no_processes(tmp_path):
    assert processes.running(tmp_path / "supervisor.sock") == ()
