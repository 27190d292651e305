"""Several simulated masters: standbys, elections, versions."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pytest
import requests
from simulator import PATIENCE_S, QUICK, WEB, RawStream, simulated, until

EVENTS = {"Accept": "text/event-stream"}


@pytest.fixture
def client():
    with simulated(masters=3) as made:
        yield made


def netloc(client, number):
    return urlsplit(client.marathon.urls[number]).netloc


def test_a_standby_proxies_everything_and_says_so(client):
    created = client.call("POST", "/v2/apps", WEB, master=1)
    assert created.status_code == 201
    assert created.headers["X-Marathon-Via"] == f"1.1 {netloc(client, 1)}"
    for master in range(3):
        info = client.call("GET", "/v2/info", master=master)
        assert (info.json()["elected"], info.json()["leader"]) == (True, netloc(client, 0))
        assert info.headers["X-Marathon-Leader"] == client.marathon.urls[0]
        assert ("X-Marathon-Via" in info.headers) == (master != 0)
    refused = client.call("GET", "/v2/apps/none", master=2)
    assert (refused.status_code, refused.json()) == (404, {"message": "App '/none' does not exist"})


def test_a_standby_from_1_7_on_redirects_the_stream_and_keeps_its_query(client):
    query = "?event_type=a&event_type=b&plan-format=light"
    answer = client.call("GET", f"/v2/events{query}", master=1, headers=EVENTS)
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{client.marathon.urls[0]}/v2/events{query}"


@pytest.mark.parametrize("flavour", ["1.4", "1.6"])
def test_an_older_standby_proxies_the_stream(flavour):
    with simulated(masters=2, flavours=flavour) as client:
        answer = client.call("GET", "/v2/events", master=1, headers=EVENTS, stream=True)
        received = bytearray()

        def told(event):
            received.extend(answer.raw.read1(65536))
            return event in received

        with answer:
            assert answer.headers["X-Marathon-Via"] == f"1.1 {netloc(client, 1)}"
            until(lambda: told(b'"event_stream_attached"'))
            client.json("POST", "/v2/apps", WEB)
            until(lambda: told(b'"api_post_event"'))


def test_an_abdication_closes_the_streams_and_another_one_leads(client):
    with RawStream(client.marathon.url) as stream:
        assert client.json("DELETE", "/v2/leader") == {"message": "Leadership abdicated"}
        assert stream.end() == "FIN"
    client.led_by(1)
    assert client.json("GET", "/v2/leader") == {"leader": netloc(client, 1)}


def test_a_new_leader_knows_no_health_until_it_has_looked():
    with simulated(masters=2, recheck_s=3600) as client:
        client.deploy("POST", "/v2/apps", WEB)
        assert client.app()["tasksHealthy"] == 2
        client.marathon.inject("leader-abdicate")
        client.led_by(1)
        tasks = client.app()["tasks"]
        assert [task["healthCheckResults"] for task in tasks] == [[], []]
        for task in tasks:  # look now
            client.control("POST", "health", {"task": task["id"], "alive": None})
        until(lambda: client.app()["tasksHealthy"] == 2)


def test_an_open_deployment_goes_on_and_nothing_is_replayed():
    with simulated(masters=2) as client:
        client.marathon.inject("election-slow", election_s=0.5)
        until(lambda: client.marathon.leader_url is None)
        client.led_by(1)
        client.marathon.clear()
        stuck = {**WEB, "id": "stuck", "instances": 4, "constraints": [["hostname", "UNIQUE"]]}
        client.json("POST", "/v2/apps", stuck)
        client.marathon.inject("leader-abdicate")
        client.led_by(0)
        with RawStream(client.marathon.url) as stream:
            assert stream.event()["eventType"] == "event_stream_attached"
            (deployment,) = client.json("GET", "/v2/deployments")
            assert deployment["affectedApps"] == ["/stuck"]
            client.json("PUT", "/v2/apps/stuck?force=true", {"instances": 3})
            until(lambda: not client.json("GET", "/v2/deployments"))


@pytest.mark.parametrize(("flavour", "status"), [("1.4", 503), ("1.6", 503), ("1.8", 502)])
def test_without_a_leader_a_request_waits_and_is_then_refused_with_a_page(flavour, status):
    with simulated(masters=2, flavours=flavour, timing=replace(QUICK, wait_s=0.4)) as client:
        client.marathon.inject("election-slow", election_s=3600.0)
        until(lambda: client.marathon.leader_url is None)
        answer = client.call("GET", "/ping", master=1)
        assert answer.status_code == status
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "Could not determine the current leader" in answer.text
        assert answer.elapsed.total_seconds() >= 0.4


@pytest.mark.parametrize(("flavour", "refused"), [("1.4", 503), ("1.8", 502)])
def test_a_leader_that_exits_is_proxied_to_while_its_session_lasts(flavour, refused):
    with simulated(masters=2, flavours=flavour, timing=replace(QUICK, session_s=3600.0)) as client:
        client.marathon.inject("master-exit")
        with pytest.raises(requests.ConnectionError):
            client.call("GET", "/ping", master=0)
        assert client.call("GET", "/ping", master=1).status_code == refused


@pytest.mark.parametrize("flavour", ["1.4", "1.8"])
def test_after_its_session_another_one_leads_and_it_comes_back_as_a_standby(flavour):
    with simulated(masters=2, flavours=flavour) as client:
        client.marathon.inject("master-exit")
        client.led_by(1)
        assert client.call("GET", "/ping", master=1).text == "pong"
        client.marathon.clear()
        assert client.call("GET", "/ping", master=0).headers["X-Marathon-Via"]


def test_a_leader_that_hangs_keeps_its_streams_half_open(client):
    with RawStream(client.marathon.url, "?event_type=event_stream_attached") as stream:
        stream.until(b"}\r\n\r\n")
        client.marathon.inject("master-hang")
        with pytest.raises(requests.ReadTimeout):
            client.call("GET", "/ping", timeout=0.3)
        client.led_by(1)
        assert stream.end(within_s=0.2) is None
        client.marathon.clear()
        assert stream.end() == "FIN"


@pytest.mark.parametrize(("flavour", "status"), [("1.6", 504), ("1.8", 500)])
def test_a_deadlocked_leader_keeps_leading(flavour, status):
    with simulated(masters=2, flavours=flavour, timing=replace(QUICK, read_s=0.5)) as client:
        client.marathon.inject("master-deadlock")
        assert client.call("GET", "/v2/apps", master=1).status_code == status
        assert client.marathon.leader_url == client.marathon.url
        client.marathon.clear()
        client.led_by(0)


def test_masters_that_take_each_other_for_the_leader(client):
    client.marathon.inject("masters-confused")
    loop = client.call("GET", "/v2/apps")
    assert (loop.status_code, "Detected proxying loop." in loop.text) == (502, True)
    with pytest.raises(requests.TooManyRedirects):
        client.call("GET", "/v2/events", headers=EVENTS, allow_redirects=True)


def test_all_masters_can_be_down(client):
    client.deploy("POST", "/v2/apps", WEB)
    client.marathon.inject("masters-down")
    for master in range(3):
        with pytest.raises(requests.ConnectionError):
            client.call("GET", "/ping", master=master)
    client.marathon.clear()
    until(lambda: client.marathon.leader_url)
    assert [app["id"] for app in client.apps()] == ["/web"]


def test_versions_may_differ_and_the_leader_decides_the_dialect():
    with simulated(masters=2, flavours=["1.4", "1.8"]) as client:
        client.deploy("POST", "/v2/apps", WEB)
        assert client.app()["container"]["docker"]["network"] == "BRIDGE"
        assert not any(".instance-" in task["id"] for task in client.app()["tasks"])
        client.marathon.inject("leader-abdicate")
        client.led_by(1)
        assert client.app()["networks"] == [{"mode": "container/bridge"}]
        client.marathon.inject("masters-mixed", flavours=["1.11", "1.4"])
        assert client.app()["container"]["docker"]["network"] == "BRIDGE"
        client.marathon.clear()
        assert client.app()["networks"] == [{"mode": "container/bridge"}]


def plan_of(client, query):
    """The plan in a stream's deployment_success of a change to /shop/web."""
    with RawStream(client.marathon.url, f"?event_type=deployment_success{query}") as stream:
        client.deploy("PUT", "/v2/apps/shop/web", {"labels": {"asked": query}})
        return stream.event()["plan"]


@pytest.mark.parametrize(
    ("flavour", "plain", "asked_light"),
    [("1.4", True, True), ("1.6", True, False), ("1.8", False, False)],
)
def test_plans_hold_all_apps_before_and_after_in_the_versions_that_send_them(flavour, plain, asked_light):
    with simulated(flavours=flavour) as client:
        client.deploy("POST", "/v2/apps", {"id": "other", "cmd": "x"})
        client.deploy("POST", "/v2/apps", {"id": "shop/web", "cmd": "x"})
        assert ("target" in plan_of(client, "&plan-format=light")) == asked_light
        plan = plan_of(client, "")
        assert plan["steps"][0]["actions"] == [{"action": "RestartApplication", "app": "/shop/web"}]
        assert ({"original", "target"} <= plan.keys()) == plain
        if plain:
            for root, label in ((plan["original"], "&plan-format=light"), (plan["target"], "")):
                assert (root["id"], [app["id"] for app in root["apps"]]) == ("/", ["/other"])
                ((web,),) = [group["apps"] for group in root["groups"]]
                assert (web["id"], web["labels"]) == ("/shop/web", {"asked": label})
                assert ("uris" in web) == (flavour == "1.4")


def test_1_11_has_another_word_for_an_unknown_url():
    with simulated(flavours="1.11") as client:
        answer = client.call("GET", "/nowhere")
        assert (answer.status_code, answer.json()) == (500, {"message": "URI not found"})


@pytest.mark.parametrize(("flavour", "end"), [("1.6", None), ("1.8", "FIN")])
def test_a_slow_reader_loses_events_or_its_stream(flavour, end):
    with simulated(flavours=flavour) as client, RawStream(client.marathon.url) as stream:
        stream.until(b"\r\n\r\n")
        client.deploy("POST", "/v2/apps", WEB)
        client.marathon.inject("stream-burst", count=60_000)
        for _ in range(200):
            client.control("POST", "churn", {"app": "web"})
        assert stream.end(within_s=PATIENCE_S if end else 2.0) == end
        emitted = sum(each["eventType"] == "instance_changed_event" for each in client.events())
        assert stream.received.count(b"event: instance_changed_event") < emitted


def test_tls_masters_trust_each_other():
    with simulated(masters=2, tls=True, credentials="user:secret") as client:
        marathon = client.marathon
        assert marathon.url.startswith("https://")
        asked = {"verify": str(marathon.ca_cert), "auth": ("user", "secret")}
        assert client.call("GET", "/ping", master=1, **asked).text == "pong"
        assert client.call("GET", "/ping", master=1, verify=str(marathon.ca_cert)).status_code == 401
        with pytest.raises(requests.exceptions.SSLError):
            client.call("GET", "/ping")
        location = client.call("GET", "/v2/events", master=1, headers=EVENTS, **asked).headers["Location"]
        assert location.startswith("https://")
        with pytest.raises(requests.ConnectionError):
            requests.get(marathon.url.replace("https", "http"), timeout=PATIENCE_S)


def test_credentials_are_checked_by_the_standby():
    with simulated(masters=2, credentials="user:secret") as client:
        client.marathon.inject("master-exit", master=0)
        client.led_by(1)
        client.marathon.clear()
        refused = client.call("GET", "/ping", master=0)
        assert (refused.status_code, "X-Marathon-Via" in refused.headers) == (401, False)
        assert client.call("GET", "/ping", master=0, auth=("user", "secret")).text == "pong"
