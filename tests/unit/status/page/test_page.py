"""What the page says, over real HTTP on loopback, without scripts."""

from __future__ import annotations

import json
import re
import threading
import time
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn, UnixStreamServer

import pytest

from appliance import files
from appliance.haproxy.history import History
from appliance.status import events

ADDRESSES = ("/", "/status/apps", "/status/app?id=/x", "/status/events", "/status/generations")


def seen(agent, words, path="/", patience_s=30.0):
    """The page as soon as it says `words`."""
    end = time.monotonic() + patience_s
    while True:
        page = agent.page(path)
        if words in page:
            return page
        assert time.monotonic() < end, f"{words!r} does not come: {page}"
        time.sleep(0.1)


class Links(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, _tag, attributes):
        self.found += [value for name, value in attributes if name in {"href", "src", "action"}]


def test_it_says_who_has_the_vip_and_why(agent):
    page = seen(agent, "VIP 192.0.2.250 is on slave-1")
    assert "slave-1 246 = 82 + 164 (healthy), slave-2 236 = 72 + 164 (healthy)" in page
    assert "No alarm." in page
    (owner,) = re.findall(r'<li class="card [^"]*owner">\s*<h3>(\S+)', page)
    assert owner == "slave-1"


def test_a_silent_node_is_a_card_and_an_alarm(agent):
    del agent.nodes.facts["192.0.2.2"]
    page = seen(agent, "NODE-UNREACHABLE")
    assert "slave-2 does not answer" in page
    assert "its agent on port 9099 does not answer: refused" in page
    assert "VIP 192.0.2.250 is on slave-1" in page


def test_a_node_whose_answer_makes_no_sense_ends_nothing(agent):
    agent.nodes.facts["192.0.2.2"] = {
        "health": {"reasons": 5},
        "vrrp": {"state_since": 1e300},
        "vips": 3,
    }
    assert "its answer cannot be understood" in seen(agent, "NODE-UNREACHABLE")


def test_what_happened_on_any_node_stands_in_one_list_with_its_node(agent):
    agent.nodes.events["192.0.2.2"] = [
        {"at": 1e9, "kind": "vrrp", "message": "MASTER -> BACKUP: <script>alert(1)</script>"},
        {"at": 1e300, "kind": "vrrp", "message": "no time that can be shown"},
        "no event",
    ]
    agent.nodes.events["192.0.2.1"] = [{"at": 2e9, "kind": "vrrp", "message": "BACKUP -> MASTER: why"}]
    page = seen(agent, "&lt;script&gt;", "/status/events")
    assert "<script>" not in page
    assert page.index("BACKUP -&gt; MASTER: why") < page.index("MASTER -&gt; BACKUP")
    assert "no time" not in page
    assert "MASTER -&gt;" not in agent.page("/status/events?kind=generation")


def test_its_own_events_are_told_to_the_other_nodes(agent):
    events.record(agent.paths.events, "vrrp", "BACKUP -> MASTER")
    answer, body = agent.get("/events.json")
    assert answer.headers["Content-Type"].startswith("application/json")
    assert [event["message"] for event in json.loads(body)["events"]] == ["BACKUP -> MASTER"]


@pytest.mark.parametrize("path", ADDRESSES)
def test_nothing_is_loaded_from_elsewhere_and_nothing_stands_inline(agent, path):
    answer, page = agent.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "Set-Cookie" not in answer.headers
    assert not re.search(r"<style|<script>|\sstyle=|\son[a-z]+=", page)
    assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in Links(page).found)


def test_its_files_come_from_the_node_itself(agent):
    for link in set(Links(agent.page()).found) - {"#main"}:
        answer, body = agent.get(link)
        assert answer.status == 200, link
        assert "url(" not in body
        assert "@import" not in body


def test_there_is_nothing_but_pages(agent):
    assert agent.get("/status/nothing")[0].status == 404
    assert agent.get("/status/../../etc/passwd")[0].status == 404
    assert agent.get("/status/generation?number=-1")[0].status == 200
    assert agent.get("/status/apps?q=" + "x" * 5000 + "&page=999999999999")[0].status == 200


def test_without_a_generator_it_says_that_the_apps_are_not_known(agent):
    assert "The apps are not known: the generator does not answer" in seen(agent, "The apps are not known")
    assert "HAProxy does not answer on this node." in agent.page()


class Generator(ThreadingMixIn, UnixStreamServer):
    """Answers on the generator's socket with one listing."""

    daemon_threads = True

    def __init__(self, path, apps):
        super().__init__(str(path), Listing)
        self.text = json.dumps({"apps": apps, "notices": []}).encode()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}).start()


class Listing(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.text)))
        self.end_headers()
        self.wfile.write(self.server.text)

    def address_string(self):
        return ""

    def log_message(self, *_):
        pass


def app(name, state="UP", quarantined=()):
    server = {"name": "s1", "address": "10.0.0.1", "port": 31000, "state": state}
    service = {
        "index": 0,
        "backend": f"{name}_10000",
        "mode": "http",
        "port": 10000,
        "port_open": True,
        "vhosts": [f"{name}.example"],
        "paths": [],
        "last_good": False,
        "servers": [server],
    }
    return {"id": f"/{name}", "services": [service], "quarantined": list(quarantined), "notices": []}


@pytest.fixture
def many(agent):
    apps = [app(f"app-{number:04}") for number in range(1000)]
    apps[500] = app("bad-label", quarantined=["HAPROXY_0_MODE: '<b>' is neither http nor tcp"])
    apps[700] = app("down", state="DOWN")
    generator = Generator(agent.paths.lb_socket, apps)
    yield agent
    generator.shutdown()
    generator.server_close()


def test_of_many_apps_the_troubled_ones_come_first_with_their_reasons(many):
    page = seen(many, "1000 apps, 1 quarantined, 1 with fewer servers up than they have")
    assert "HAPROXY_0_MODE: &#39;&lt;b&gt;&#39; is neither http nor tcp" in page
    order = [page.index(f'"/status/app?id=/{name}"') for name in ("bad-label", "down", "app-0000")]
    assert order == sorted(order)
    assert len(page) < 50_000


def test_apps_are_found_by_name_and_turned_over_page_by_page(many):
    seen(many, "1000 apps", "/status/apps")
    found = many.page("/status/apps?q=APP-0999")
    assert "1 found" in found
    assert "app-0999.example" in found
    assert 'value="APP-0999"' in found
    second = many.page("/status/apps?page=2")
    assert "Apps 41 to 80 of 1000" in second
    assert "Apps 961 to 1000 of 1000" in many.page("/status/apps?page=999")
    assert "10.0.0.1:31000" in many.page("/status/app?id=/app-0999")


def test_a_generation_is_shown_with_its_difference_and_without_secrets(agent):
    history = History(agent.paths.history, agent.paths.pin)
    config = agent.paths.root / "haproxy.cfg"
    for server in ("one", "two"):
        users = "userlist u\n  user anna insecure-password s3cret\n"
        files.replace(config, f"{users}backend b\n  server {server} 10.0.0.1:80\n")
        history.keep(config, kind="reload", cause=f"task {server} <b>", duration_s=0.01)
    listed = seen(agent, "task two &lt;b&gt;", "/status/generations")
    assert 'href="/status/generation?number=2"' in listed
    page = agent.page("/status/generation?number=2")
    assert '<span class="gone">-  server one 10.0.0.1:80</span>' in page
    assert '<span class="new">+  server two 10.0.0.1:80</span>' in page
    assert "user anna insecure-password (removed)" in page
    assert "s3cret" not in page
    assert "generation 9 is not kept" in agent.page("/status/generation?number=9")


def test_who_asks_too_often_is_told_so_and_nobody_else(agent):
    statuses = {agent.get("/status/events")[0].status for _ in range(200)}
    assert statuses == {200, 429}
    other = agent.get("/status/events", **{"X-Forwarded-For": "192.0.2.77"})[0]
    assert other.status == 200, "HAProxy on this node asks for somebody else"
