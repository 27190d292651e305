"""Alert rules and dashboard ask for what the nodes tell, and point to pages that are there.

Whether Prometheus takes the rules, and what they then say, `make check-monitoring` asks its own promtool.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from appliance.status import alarms
from appliance.status.alarms import Level

TOP = Path(__file__).resolve().parents[2]
RULES = (TOP / "monitoring/alerts.yml").read_text()
DASHBOARD = json.loads((TOP / "monitoring/dashboard.json").read_text())
TOLD_BY_ALL = {
    "VIP-NO-OWNER",
    "VIP-TWO-OWNERS",
    "LB-NOWHERE",
    "NODE-UNREACHABLE",
    "CFG-DRIFT",
    "VERSIONS-DIFFER",
}
"""What no node can say alone has a rule of its own."""
ONLY_IN_STATUS = {"NODES-DIFFER", "CLOCKS-APART"} | {it for it in alarms.ALARMS if it.startswith("DOMAIN-")}
SEVERITIES = {Level.CRITICAL: "critical", Level.WARNING: "warning", Level.NOTICE: "info"}


def exported():
    listed = (TOP / "docs/metrics.md").read_text()  # which a test compares with what is told
    names = set(re.findall(r"^\| `(appliance_[a-z_]+)", listed, re.MULTILINE))
    return names | {f"appliance_apply_seconds_{part}" for part in ("count", "sum")}


def labels_of(name):
    listed = (TOP / "docs/metrics.md").read_text()
    found = re.search(rf"^\| `{name}(?:\{{([a-z,_]+)\}})?`", listed, re.MULTILINE)
    return set((found[1] or "").split(",")) | {"instance", "job"}


def expressions():
    yield from re.findall(r"expr: (?:>-\s+)?(.*)", RULES)
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from (it["query"] for it in DASHBOARD["templating"]["list"] if it["type"] == "query")


@pytest.mark.parametrize("expression", list(expressions()))
def test_each_metric_and_label_that_is_asked_for_is_told(expression):
    asked = re.findall(r"(appliance_[a-z_]+)(?:\{([^}]*)\})?", expression)
    assert asked or expression.startswith("up{")
    for name, selectors in asked:
        assert name in exported()
        base = name.removesuffix("_count").removesuffix("_sum")
        assert set(re.findall(r"(\w+)(?:=~|=|!=)", selectors)) <= labels_of(base)


def test_each_alarm_has_a_rule_of_its_severity_and_each_rule_a_page():
    ruled = {}
    for block in RULES.split("      - alert: ")[1:]:
        severity, alarm = re.search(r"severity: (\w+), alarm: (.*)\}\n", block).groups()
        told = re.search(r'appliance_alarms\{id=~?"([^"]*)"\}', block)
        for identity in told[1].split("|") if told else [alarm]:
            ruled.setdefault(identity, set()).add(severity)
        page = re.search(
            r"runbook_url: \"?file:///usr/share/doc/marathon-ha-appliance/runbook.md#(.*?)\"?\n", block
        )
        assert page[1] in {f"{alarm.lower()}", "{{ $labels.id | toLower }}"}
    assert set(ruled) == set(alarms.ALARMS) - ONLY_IN_STATUS
    assert set(ruled) >= TOLD_BY_ALL
    for identity, severities in ruled.items():
        assert SEVERITIES[alarms.ALARMS[identity].level] in severities, identity


def test_the_dashboard_is_whole():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    places = [tuple(panel["gridPos"][key] for key in "xy") for panel in DASHBOARD["panels"]]
    assert len(set(places)) == len(places)
    for panel in DASHBOARD["panels"]:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        assert panel["targets"]
        assert panel["datasource"]["uid"] == "${datasource}", "of whoever imports it"
