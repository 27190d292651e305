"""The JSON of `appliance status` in every state: composed of what three real nodes of the lab said."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import fastjsonschema
import pytest

from appliance.cli.status import exit_code
from appliance.status import alarms, cluster
from appliance.status.document import SCHEMA_FILE, document

SCHEMA = json.loads(SCHEMA_FILE.read_text())
VALID = fastjsonschema.compile(SCHEMA)
NODES = json.loads(Path(__file__).with_name("nodes.json").read_text())
VIP = NODES[0]["vip"]


def calm():
    return copy.deepcopy(NODES)


def holds(node, held_s=60.0):
    """Or gives it up, with 0."""
    node["holds_vip"] = held_s > 0
    node["role"] = "OWNER" if held_s else "standby"
    node["vips"][0].update(holds=held_s > 0, held_s=held_s)
    return node


def judged(node, verdict, weight, **health):
    node["health"].update(verdict=verdict, weight=weight, **health)
    node["priority"]["weight"] = weight


def drained():
    first, second, third = calm()
    judged(holds(first, 0), "DRAINING", 82, draining=True, reasons=["kernel"])
    return [first, holds(second), third]


def node_down():
    first, second, _ = calm()
    return [holds(first), second, {}]


def marathon_down():
    nodes = calm()
    for number, node in enumerate(nodes):
        node["lb"]["marathon"].update(connected=False, connected_since=0.0, error="m1:8080: refused")
        text = f"Marathon does not answer; what is served is what it ran at 10:00:0{number}"
        node["lb"]["alarms"] = [{"id": "marathon-away", "text": text, "since": 1.0}]
        node["sight"]["picture_age_s"] = 300.0
    return nodes


def nothing_healthy():
    nodes = calm()
    for node in nodes:
        judged(holds(node, 0), "NO_LB", 0, reasons=["HAProxy ended"])
    return nodes


def split():
    return [holds(node) for node in calm()[:2]] + calm()[2:]


def drifted():
    nodes = calm()
    nodes[2]["configuration"]["hash"] = "0" * 16
    return nodes


def silent_stream():
    nodes = calm()
    nodes[1]["lb"]["marathon"].update(connected=False, error="stream ended")
    nodes[1]["sight"]["picture_age_s"] = 130.0
    return nodes


def refused():
    nodes = calm()
    nodes[0]["lb"]["last_reload"] = {"at": 1.0, "ok": False, "message": "HAProxy refuses it: line 7"}
    nodes[0]["lb"]["quarantined"] = [
        {"app_id": f"/{n}", "reason": "PORT 9090 is HAProxy's own"} for n in range(5)
    ]
    return nodes


def older():
    """A node of a version that tells less, and one whose report makes no sense."""
    first, second, third = calm()
    for key in ("configuration", "sight", "lb", "vrrp"):
        del second[key]
    third.update(version="0.0.9", lb={"alarms": "x", "quarantined": 3, "marathon": []}, vrrp=None, health=7)
    return [first, second, third]


def seen(nodes):
    rows = [
        cluster.Row(NODES[rank]["name"], NODES[rank]["address"], rank, node, "" if node else "no answer")
        for rank, node in enumerate(nodes)
    ]
    return cluster.view(VIP, rows)


@pytest.mark.parametrize(
    ("nodes", "told", "code"),
    [
        (calm, set(), 0),
        (drained, {"MAINTENANCE"}, 2),
        (node_down, {"NODE-UNREACHABLE"}, 2),
        (marathon_down, {"marathon-away"}, 2),
        (nothing_healthy, {"VIP-NO-OWNER", "LB-DOWN"}, 4),
        (split, {"VIP-TWO-OWNERS"}, 2),
        (drifted, {"CFG-DRIFT"}, 2),
        (silent_stream, {"STREAM-DEAD", "PICTURE-OLD"}, 2),
        (refused, {"RELOAD-FAILED", "QUARANTINE"}, 2),
        (older, {"VERSIONS-DIFFER", "LB-DOWN"}, 2),
    ],
)
def test_each_state_has_its_alarms_its_exit_code_and_a_valid_document(nodes, told, code):
    view = seen(nodes())
    said = json.loads(json.dumps(document(view, NODES[0]["at"])))
    VALID(said)
    assert {alarm["id"] for alarm in said["alarms"]} == told
    assert exit_code(view, NODES[0]["address"]) == code
    for alarm in said["alarms"]:
        assert alarm["cure"]
        assert alarm["runbook"] == f"docs/runbook.md#{alarm['id'].lower()}"
    for node in said["nodes"]:
        if node["priority"] and node["priority"]["effective"] is not None:
            assert node["priority"]["effective"] == sum(it["amount"] for it in node["priority"]["sum"])


def test_what_all_nodes_say_in_the_same_words_is_one_alarm():
    (alarm,) = seen(marathon_down()).alarms
    assert alarm.nodes == tuple(node["name"] for node in NODES)
    assert alarm.text.startswith(f"{', '.join(alarm.nodes)}: Marathon does not answer")


def test_what_is_different_for_a_moment_or_on_purpose_is_no_drift():
    for change in (
        {"configuration": {"hash": "0" * 16, "age_s": 1.0}},
        {"lb": {**NODES[2]["lb"], "held": {"number": 3}}},
    ):
        nodes = drifted()
        nodes[2].update(change)
        assert "CFG-DRIFT" not in {alarm.id for alarm in seen(nodes).alarms}


def test_a_quarantined_app_is_told_and_no_fault_of_the_cluster():
    nodes = calm()
    nodes[0]["lb"]["quarantined"] = [{"app_id": "/bad", "reason": "x"}]
    view = seen(nodes)
    assert [(alarm.id, alarm.nodes) for alarm in view.alarms] == [("QUARANTINE", (NODES[0]["name"],))]
    assert exit_code(view, NODES[0]["address"]) == 0


def test_an_error_is_a_document_too():
    VALID({"error": {"id": "settings", "text": "this node is not set up"}})
    with pytest.raises(fastjsonschema.JsonSchemaException):
        VALID({})
    assert "NO_LB" in str(SCHEMA)
    assert alarms.ALARMS
