"""What the operator is shown of each app."""

from __future__ import annotations

from appliance.marathon.model import App, Cluster, Endpoint, Port, Task
from appliance.services.listing import NOBODY, listing
from appliance.services.model import Selection
from appliance.services.translate import translate
from appliance.status.apps import lines


def app(app_id, port, **labels):
    task = Task("t", (Endpoint("fd00::1", 31000),), "TASK_RUNNING", ())
    return App(app_id, {f"HAPROXY_0_{key}": text for key, text in labels.items()}, (Port(port),), (), (task,))


def shown(*apps, quarantined=(), states=None):
    found = translate(Cluster(apps), Selection(("*",)), {})
    told = [*((one.app_id, one.reason) for one in found.quarantined), *quarantined]
    return listing(found, told, states or {})


def test_every_app_that_is_served_or_quarantined_is_listed_by_id():
    found = shown(
        app("/b", 10001, VHOST="b.example,*.b.example", PATH="/x /y"),
        app("/a", 10002, MODE="sctp"),
        quarantined=[("", "apps[3].id is no text")],
        states={("b_10001", "fd00__1_31000"): "UP"},
    )
    assert [one["id"] for one in found["apps"]] == [NOBODY, "/a", "/b"]
    text = "\n".join(lines(found))
    assert (
        "0  b_10001  http  :10001  b.example/x,b.example/y,*.b.example/x,*.b.example/y  1 of 1 servers up"
        in text
    )
    assert "/a\n  QUARANTINED  HAPROXY_0_MODE: 'sctp' is not a mode" in text
    assert "QUARANTINED  apps[3].id is no text" in text


def test_notices_stand_beside_the_app_they_are_about():
    found = shown(app("/a", 80, PATH="/x"), app("/b", 80))
    (about_a, _) = found["apps"]
    assert about_a["notices"] == ["HAPROXY_0_PATH: has no effect without HAPROXY_0_VHOST"]
    assert any("/a and /b share port 80" in notice for notice in found["notices"])
    assert "[fd00::1]:31000  not known" in "\n".join(lines(found, ["/a"]))
