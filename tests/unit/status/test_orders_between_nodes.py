"""Orders over real HTTP: who signed one is obeyed, everybody else is refused."""

from __future__ import annotations

import http.client
import json
import threading
from dataclasses import replace

import pytest

from appliance import settings
from appliance.errors import ApplianceError
from appliance.health.orders import Orders, Reader
from appliance.paths import Paths
from appliance.settings import Node
from appliance.status import web
from appliance.status.challenges import GOOD_S, MOST, Challenges
from appliance.status.page.live import Live
from appliance.status.tell import SCHEME, tell
from appliance.trust import Order, Trust

RECEIVER, SENDER = Node("slave-1", "127.0.0.1"), Node("slave-2", "127.0.0.2")
TOML = """
[vip]
address = "192.0.2.250"
interface = "eth0"
virtual_router_id = 250
[cluster]
address = "127.0.0.1"
nodes = [{ name = "slave-1", address = "127.0.0.1" }, { name = "slave-2", address = "127.0.0.2" }]
[marathon]
urls = ["http://192.0.2.1:8080"]
"""
DRAIN = {"order": "drain", "reason": "kernel\nupdate"}


def files_of(folder):
    paths = Paths(folder)
    for made in (paths.state, paths.log, paths.health_run, paths.keepalived_run, paths.run / "agent"):
        made.mkdir(parents=True)
    Trust(paths).begin()
    return paths


@pytest.fixture
def nodes(tmp_path):
    """The receiver's files, the sender's, and the receiver's port."""
    receiver, sender = files_of(tmp_path / "receiver"), files_of(tmp_path / "sender")
    wanted = settings.parse(TOML, "appliance.toml")
    app = web.application(receiver, lambda: wanted, Live(receiver, lambda: wanted))
    server = web.server(app, address="127.0.0.1", port=0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield receiver, sender, server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def meet(receiver, sender):
    Trust(receiver).note(SENDER.address, Trust(sender).shown())
    Trust(sender).note(RECEIVER.address, Trust(receiver).shown())


def ask(port, method, path, body=None, header=""):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, body, {"Authorization": header} if header else {})
    answer = connection.getresponse()
    said = json.loads(answer.read())
    connection.close()
    return answer.status, said


def test_a_peer_that_was_met_is_obeyed(nodes):
    receiver, sender, port = nodes
    meet(receiver, sender)

    def order(**words):
        return tell(sender, SENDER.address, RECEIVER, words, port=port)

    assert order(**DRAIN) == "drained: kernel update"
    assert order(order="prefer", address="127.0.0.2", name="slave-2") == "the VIP is for slave-2"
    assert order(order="pause") == "priorities are frozen"
    assert Reader(receiver).read() == Orders(
        drained=True,
        reason="kernel update",
        preferred="127.0.0.2",
        preferred_name="slave-2",
        paused=True,
        frozen=0,
    )
    assert order(order="undrain") == "undrained"
    assert order(order="prefer") == "the ranks decide who has the VIP"
    assert order(order="resume") == "priorities follow health again"
    assert Reader(receiver).read() == Orders()
    with pytest.raises(ApplianceError, match="slave-1 refuses: no order 'explode'"):
        order(order="explode")


def test_a_node_that_was_not_met_is_refused(nodes):
    receiver, sender, port = nodes
    Trust(sender).note(RECEIVER.address, Trust(receiver).shown())
    with pytest.raises(ApplianceError, match=r"127\.0\.0\.2 and this node have not met yet"):
        tell(sender, SENDER.address, RECEIVER, DRAIN, port=port)
    assert not Reader(receiver).read().drained


def test_a_node_that_shows_another_face_is_refused_with_the_cure(nodes, tmp_path):
    receiver, sender, port = nodes
    meet(receiver, sender)
    impostor = files_of(tmp_path / "impostor")
    Trust(impostor).note(RECEIVER.address, Trust(receiver).shown())
    with pytest.raises(
        ApplianceError, match=r"does not fit what is known of slave-2.*appliance trust slave-2"
    ):
        tell(impostor, SENDER.address, RECEIVER, DRAIN, port=port)
    assert not Reader(receiver).read().drained


def test_a_stranger_is_refused(nodes):
    receiver, sender, port = nodes
    meet(receiver, sender)
    with pytest.raises(ApplianceError, match=r"127\.0\.0\.9 is not in this node's cluster\.nodes"):
        tell(sender, "127.0.0.9", RECEIVER, DRAIN, port=port)
    assert ask(port, "POST", "/orders", json.dumps(DRAIN))[0] == 401
    assert ask(port, "POST", "/orders", json.dumps(DRAIN), "Basic YTpi")[0] == 401
    assert not Reader(receiver).read().drained


def test_an_order_is_good_once_and_unchanged(nodes):
    receiver, sender, port = nodes
    meet(receiver, sender)
    key = Trust(sender).key(RECEIVER.address)

    def signed(**other):
        challenge = ask(port, "GET", "/challenge")[1]["challenge"]
        order = Order(SENDER.address, RECEIVER.address, challenge, json.dumps({"order": "undrain"}))
        return order, f"{SCHEME} {SENDER.address} {challenge} {replace(order, **other).mac(key)}"

    order, header = signed()
    assert ask(port, "POST", "/orders", order.body, header)[0] == 200
    assert ask(port, "POST", "/orders", order.body, header)[0] == 401, "sent again"
    order, header = signed(receiver="127.0.0.3")
    assert ask(port, "POST", "/orders", order.body, header)[0] == 403, "meant for another"
    order, header = signed()
    assert ask(port, "POST", "/orders", json.dumps(DRAIN), header)[0] == 403, "changed on its way"
    assert not Reader(receiver).read().drained


def test_challenges_are_good_once_and_for_a_while_and_are_bounded():
    challenges = Challenges()
    first = challenges.make(0.0)
    assert challenges.spend(first, 1.0)
    assert not challenges.spend(first, 1.0)
    late = challenges.make(0.0)
    assert not challenges.spend(late, GOOD_S + 1)
    assert not challenges.spend("made up", 0.0)
    oldest = challenges.make(2.0)
    for _ in range(MOST):
        challenges.make(2.0)
    assert not challenges.spend(oldest, 2.0)


def test_nobody_at_home_is_said(nodes):
    receiver, sender, _ = nodes
    meet(receiver, sender)
    with pytest.raises(ApplianceError, match="slave-1 does not answer"):
        tell(sender, SENDER.address, RECEIVER, DRAIN, port=1)
