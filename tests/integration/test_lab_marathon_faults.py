"""Every kind of fault does on the wire what its text says, and nothing once it is cleared."""

from __future__ import annotations

import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import requests
from simulator import PATIENCE_S, WEB, RawStream, simulated, until

from appliance.lab.marathon.errors import RefusedError
from appliance.lab.marathon.faults.kind import Stage
from appliance.lab.marathon.faults.table import KINDS

APPS = "/v2/apps?embed=apps.tasks"
ATTACHED = "?event_type=event_stream_attached"
"""A stream that does not see the end of the one before."""


@pytest.fixture(scope="module")
def shared():
    with simulated(masters=2) as client:
        client.deploy("POST", "/v2/apps", WEB)
        client.deploy("POST", "/v2/apps", {**WEB, "id": "other"})
        yield client


@pytest.fixture
def client(shared):
    """Two masters and two apps of two tasks, no fault on."""
    yield shared
    shared.marathon.clear()
    until(lambda: shared.marathon.leader_url == shared.marathon.url)


def get(client, **options):
    return client.call("GET", APPS, **options)


def kinds(stage):
    return [kind for kind in KINDS.values() if kind.stage is stage]


@pytest.mark.parametrize(
    "name", [kind.name for kind in kinds(Stage.ANSWER) if kind.name.startswith("error-")]
)
def test_errors(client, name):
    _, status, form = name.split("-")
    client.marathon.inject(name, times=1, **({"delay_s": 0.1} if form == "slow" else {}))
    answer = get(client)
    assert answer.status_code == int(status)
    if form in ("html", "slow"):
        assert answer.headers["Content-Type"].startswith("text/html")
    elif form == "empty":
        assert answer.content == b""
    else:
        assert list(answer.json()) == ["message"]
    assert get(client).ok


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("redirect-dead", "http://127.0.0.1:1"),
        ("redirect-standby", "OTHER"),
        ("redirect-loop", "SELF"),
        ("redirect-foreign", "http://localhost:"),
        ("redirect-unresolvable", "http://marathon-leader.invalid:8080"),
        ("redirect-401", "OTHER"),
    ],
)
def test_redirects_keep_the_query(client, name, target):
    client.marathon.inject(name, path="/v2/events")
    answer = client.call("GET", "/v2/events?event_type=x", headers={"Accept": "text/event-stream"})
    named = {"OTHER": client.marathon.urls[1], "SELF": client.marathon.url}
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(named.get(target, target))
    assert "/v2/events?event_type=x" in answer.headers["Location"]
    if name == "redirect-401":
        assert requests.get(answer.headers["Location"], timeout=PATIENCE_S).status_code == 401
    if name == "redirect-loop":
        with pytest.raises(requests.TooManyRedirects):
            client.call("GET", "/v2/events", allow_redirects=True)


def test_a_redirect_may_lead_anywhere(client):
    client.marathon.inject("redirect-foreign", to="http://127.0.0.1:9")
    assert get(client).headers["Location"] == f"http://127.0.0.1:9{APPS}"


def test_a_portal_answers_html(client):
    client.marathon.inject("portal")
    answer = get(client)
    assert (answer.status_code, answer.text[:15]) == (200, "<!DOCTYPE html>")


def test_another_cluster_answers(client):
    framework = client.json("GET", "/v2/info")["frameworkId"]
    client.marathon.inject("other-cluster")
    assert get(client).json() == {"apps": []}
    assert client.call("GET", "/v2/apps/web").status_code == 404
    assert client.json("GET", "/v2/info")["frameworkId"] != framework


@pytest.mark.parametrize("name", ["reset", "close"])
def test_a_connection_ends_instead_of_an_answer(client, name):
    client.marathon.inject(name, times=1)
    with pytest.raises(requests.ConnectionError):
        requests.get(client.marathon.url + APPS, timeout=PATIENCE_S)


def test_a_request_hangs_until_the_fault_is_over(client):
    client.marathon.inject("hang", client="127.0.0.1")
    with pytest.raises(requests.ReadTimeout):
        get(client, timeout=0.2)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(requests.get, client.marathon.url + APPS, timeout=PATIENCE_S)
        until(lambda: client.control("GET", "faults").json()["faults"][0]["hits"] == 2)
        client.marathon.clear()
        assert isinstance(waiting.exception(PATIENCE_S), requests.ConnectionError)
    assert get(client).ok


def test_a_fault_may_be_over_by_itself(client):
    client.marathon.inject("hang", seconds=0.1)
    until(lambda: client.control("GET", "faults").json() == {"faults": []})
    assert get(client).ok


BODIES = {
    "apps-empty": lambda answer: answer.json() == {"apps": []},
    "apps-missing": lambda answer: answer.json() == {},
    "apps-null": lambda answer: answer.json() == {"apps": None},
    "body-empty": lambda answer: answer.content == b"",
    "body-html": lambda answer: "html" in answer.text and "json" in answer.headers["Content-Type"],
    "body-cut": lambda answer: not_json(answer.content),
    "body-gzip": lambda answer: (
        len(json.loads(gzip.decompress(answer.raw.read(decode_content=False)))["apps"]) == 2
    ),
    "body-slow": lambda answer: len(answer.json()["apps"]) == 2,
}


def not_json(body):
    try:
        json.loads(body)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("name", BODIES)
def test_bodies(client, name):
    pause_s = 0.0005 if name == "body-slow" else 0.0
    client.marathon.inject(name, **({"pause_s": pause_s} if pause_s else {}))
    began = time.monotonic()
    answer = get(client, stream=name == "body-gzip", headers={"Accept-Encoding": "identity"})
    with answer:
        assert answer.status_code == 200
        assert BODIES[name](answer)
    if pause_s:
        assert time.monotonic() - began >= pause_s * (len(answer.content) // 64)


def test_a_body_ends_before_its_promised_length(client):
    client.marathon.inject("body-short", times=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        get(client)
    assert get(client).ok


def tasks_of(apps):
    return [task for app in apps for task in app["tasks"]]


CONTENT = {
    "content-mixed": lambda apps: {"networks" in app for app in apps} == {True, False},
    "content-reversed": lambda apps: [app["id"] for app in apps] == ["/other", "/web"],
    "content-stale": lambda apps: len(apps) == 2,
    "content-ports-shorter": lambda apps: all(task["ports"] == [] for task in tasks_of(apps)),
    "content-ports-longer": lambda apps: all(len(task["ports"]) == 2 for task in tasks_of(apps)),
    "content-results-null": lambda apps: all(
        task["healthCheckResults"][0] is None for task in tasks_of(apps)
    ),
    "content-results-missing": lambda apps: all("healthCheckResults" not in task for task in tasks_of(apps)),
    "content-host-unknown": lambda apps: {task["host"] for task in tasks_of(apps)} == {"agent.invalid"},
    "content-host-ipv6": lambda apps: {task["host"] for task in tasks_of(apps)} == {"fd00::77"},
    "content-addresses-ipv6": lambda apps: all(
        task["ipAddresses"][0]["protocol"] == "IPv6" for task in tasks_of(apps)
    ),
    "content-labels-missing": lambda apps: all("labels" not in app for app in apps),
    "content-labels-null": lambda apps: all(app["labels"] is None for app in apps),
    "content-labels-odd": lambda apps: all(len(app["labels"]["HAPROXY_0_ODD_LONG"]) == 65536 for app in apps),
    "content-vhost-odd": lambda apps: all("\n" in app["labels"]["HAPROXY_0_VHOST"] for app in apps),
    "content-tasks-missing": lambda apps: all("tasks" not in app for app in apps),
    "content-tasks-many": lambda apps: all(len(app["tasks"]) == 5000 for app in apps),
    "content-apps-many": lambda apps: len(apps) == 1002,
    "content-ids-collide": lambda apps: {"/web/x", "/web-x", "/web.x"} <= {app["id"] for app in apps},
    "content-ports-zero": lambda apps: {service_port(app) for app in apps} == {0},
    "content-ports-same": lambda apps: {service_port(app) for app in apps} == {10000},
    "content-checks-bare": lambda apps: all(app["healthChecks"] == [{}] for app in apps),
    "content-unreadable": lambda apps: all(app["tasks"] == {} for app in apps),
}


def service_port(app):
    return app["container"]["portMappings"][0]["servicePort"]


@pytest.mark.parametrize("name", CONTENT)
def test_contents(client, name):
    before = client.apps()
    client.marathon.inject(name)
    assert CONTENT[name](client.apps())
    assert sorted(map(str, client.marathon.truth()["apps"])) == sorted(map(str, before)), "the truth stays"
    client.marathon.clear()
    assert client.apps() == before


def test_a_stale_answer_stays_while_things_change(client):
    client.marathon.inject("content-stale", path="/v2/apps")
    client.deploy("PUT", "/v2/apps/other", {"labels": {"n": "1"}})
    first = client.apps()
    client.deploy("PUT", "/v2/apps/other", {"labels": {"n": "2"}})
    assert client.apps() == first != client.marathon.truth()["apps"]


def test_odd_content_also_comes_through_a_standby_and_in_a_single_app(client):
    client.marathon.inject("content-labels-null")
    assert all(app["labels"] is None for app in client.apps(master=1))
    assert client.app()["labels"] is None


FRAMES = {
    "stream-duplicate": lambda raw: raw.count(b"event: api_post_event\r\n") == 2,
    "stream-bytewise": lambda raw: b"event: api_post_event\r\ndata: {" in raw,
    "stream-crlf-apart": lambda raw: b"event: api_post_event\r\ndata: {" in raw,
    "stream-lf": lambda raw: b"\r" not in raw and b"event: api_post_event\ndata: {" in raw,
    "stream-cr": lambda raw: b"\n" not in raw and b"event: api_post_event\rdata: {" in raw,
    "stream-data-lines": lambda raw: raw.count(b"\r\ndata: ") > 10,
    "stream-no-event-line": lambda raw: b"event: " not in raw and b"data: {" in raw,
    "stream-no-type": lambda raw: b"event: api_post_event" in raw and b"eventType" not in raw,
    "stream-bad-json": lambda raw: b"data: " in raw and not_json(raw.partition(b"data: ")[2].strip()),
    "stream-bad-utf8": lambda raw: b"\xff" in raw,
    "stream-nul": lambda raw: b"\\u0000" in raw,
    "stream-bom": lambda raw: b"\xef\xbb\xbfevent: " in raw,
    "stream-comments": lambda raw: b": a comment\r\n:\r\nevent: " in raw,
    "stream-clock-skew": lambda raw: b"1999-12-31T23:59:59.999Z" in raw,
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames(client, name):
    with RawStream(client.marathon.url, "?event_type=api_post_event") as stream:
        client.marathon.inject(name)
        client.deploy("PUT", "/v2/apps/other", {"labels": {"made": name}})
        stream.read_until(FRAMES[name])
        client.marathon.clear()
        client.deploy("PUT", "/v2/apps/other", {"labels": {"made": "whole"}})
        frame = (stream.until(b'"made":"whole"') + stream.until(b"\r\n\r\n")).rpartition(b"event: ")[2]
        assert frame.startswith(b"api_post_event\r\ndata: {")
        assert json.loads(frame.partition(b"\r\ndata: ")[2])["eventType"] == "api_post_event"


@contextmanager
def one_app():
    """Nobody else's stream is open: a fault counts each one's events."""
    with simulated() as client:
        client.deploy("POST", "/v2/apps", {"id": "other", "cmd": "x"})
        yield client


def test_events_are_lost_k_times_and_then_come_again():
    with one_app() as client, RawStream(client.marathon.url, "?event_type=api_post_event") as stream:
        client.marathon.inject("stream-drop", times=2)
        for n in range(3):
            client.deploy("PUT", "/v2/apps/other", {"labels": {"n": str(n)}})
        assert stream.event()["appDefinition"]["labels"] == {"n": "2"}


def test_events_change_places():
    with one_app() as client, RawStream(client.marathon.url, "?event_type=api_post_event") as stream:
        client.marathon.inject("stream-reorder")
        for n in range(4):
            client.deploy("PUT", "/v2/apps/other", {"labels": {"n": str(n)}})
        assert [stream.event()["appDefinition"]["labels"]["n"] for _ in range(4)] == ["1", "0", "3", "2"]


def test_a_silent_stream_has_heartbeats_and_no_event():
    with simulated(heartbeat_s=0.05) as client, RawStream(client.marathon.url) as stream:
        stream.until(b"}\r\n\r\n")
        client.marathon.inject("stream-silent")
        client.deploy("POST", "/v2/apps", WEB)
        stream.read_until(lambda received: received.count(b"\r\n") >= 5)
        assert not stream.received.strip()


def test_a_half_open_stream_has_neither():
    with simulated(heartbeat_s=0.05) as client, RawStream(client.marathon.url) as stream:
        stream.until(b"}\r\n\r\n")
        client.marathon.inject("stream-half-open")
        client.deploy("POST", "/v2/apps", WEB)
        until(lambda: not client.marathon._bus.subscriptions())  # from here on it is held
        stream.end(within_s=0.2)
        stream.received.clear()
        assert stream.end(within_s=0.3) is None
        assert not stream.received


@pytest.mark.parametrize(
    ("name", "end", "last"),
    [
        ("stream-rst", "RST", b""),
        ("stream-fin", "FIN", b""),
        ("stream-overflow", "FIN", b"c0ffee00-1ab0"),
        ("stream-stall", None, b"c0ffee00-1ab0"),
    ],
)
def test_streams_end(client, name, end, last):
    within_s = PATIENCE_S if end else 0.3
    with RawStream(client.marathon.url, ATTACHED) as stream:
        assert stream.event()["eventType"] == "event_stream_attached"
        client.marathon.inject(name)
        if last:
            stream.until(last)
        assert stream.end(within_s) == end
    with RawStream(client.marathon.url, ATTACHED) as again:
        assert again.event()["eventType"] == "event_stream_attached"
        if last:
            again.until(last)
        assert again.end(within_s) == end, "until it is cleared, each new one"


def test_a_stream_ends_right_after_its_head(client):
    client.marathon.inject("stream-eof", times=1)
    with RawStream(client.marathon.url) as stream:
        assert stream.end() == "FIN"
        assert b"event_stream_attached" not in stream.received
    with RawStream(client.marathon.url, ATTACHED) as stream:
        assert stream.event()["eventType"] == "event_stream_attached"


BURSTS = {
    "stream-heavy": lambda raw: len(raw) > 1_000_000 and raw.startswith(b"event: deployment_info"),
    "stream-unknown": lambda raw: raw.count(b"event: quantum_event") == 3,
    "stream-burst": lambda raw: raw.count(b"event: status_update_event") == 10_000,
    "stream-garbage": lambda raw: b"not an event at all" in raw,
}


@pytest.mark.parametrize("name", BURSTS)
def test_bursts(client, name):
    with RawStream(client.marathon.url) as stream:
        stream.until(b"}\r\n\r\n")
        client.marathon.inject(name)
        stream.read_until(BURSTS[name])


def test_every_kind_is_shown_above_or_with_the_masters():
    above = {*BODIES, *CONTENT, *FRAMES, *BURSTS}
    named = {"body-short", "stream-silent", "stream-drop", "stream-reorder", "stream-half-open", "stream-eof"}
    named |= {"stream-rst", "stream-fin", "stream-overflow", "stream-stall"}
    rest = {kind.name for kind in KINDS.values() if kind.stage not in (Stage.ANSWER, Stage.CLUSTER)}
    assert rest == above | named
    assert all(kind.text for kind in KINDS.values())


def test_the_control_port_lists_switches_on_and_off(client):
    listed = {each["kind"]: each for each in client.control("GET", "kinds").json()}
    assert set(listed) == set(KINDS)
    assert listed["error-502-slow"]["options"] == {"delay_s": 2.75}
    made = client.control("POST", "faults", {"kind": "error-503-empty", "times": 2, "master": 1}).json()
    (on,) = client.control("GET", "faults").json()["faults"]
    assert (on["id"], on["left"], on["hits"], on["path"]) == (made["id"], 2, 0, "/v2/*")
    assert get(client).ok
    assert get(client, master=1).status_code == 503
    assert client.control("GET", "faults").json()["faults"][0]["left"] == 1
    assert client.control("DELETE", f"faults/{made['id']}").json() == {"cleared": 1}
    assert get(client, master=1).ok
    assert client.control("GET", "nothing").status_code == 404


@pytest.mark.parametrize(
    "wanted",
    [
        [],
        {},
        {"kind": "nothing"},
        {"kind": "portal", "times": 0},
        {"kind": "portal", "times": "2"},
        {"kind": "portal", "colour": "red"},
        {"kind": "portal", "master": 7},
        {"kind": "portal", "master": "10.0.0.1:80"},
        {"kind": "body-slow", "pause_s": "long"},
        {"kind": "masters-mixed", "flavours": ["9.9"]},
        {"kind": "masters-mixed", "flavours": []},
    ],
)
def test_what_is_no_fault_is_refused_with_a_message(client, wanted):
    refused = client.control("POST", "faults", wanted)
    assert refused.status_code == 400
    assert refused.json()["message"]
    assert client.control("GET", "faults").json() == {"faults": []}


def test_an_in_process_mistake_is_an_error_too(client):
    with pytest.raises(RefusedError, match="kind"):
        client.marathon.inject("nothing")
