"""The generator's loop on a real HAProxy; what Marathon says is given."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from netns import Namespace
from real_haproxy import Haproxy

from appliance import files
from appliance.haproxy import operator_texts, runtime
from appliance.haproxy.isolation import Isolation
from appliance.haproxy.model import LoadBalancer
from appliance.haproxy.ports import Ports, listeners
from appliance.haproxy.render import render
from appliance.haproxy.service import Service
from appliance.marathon import wire
from appliance.programs.control import Control
from appliance.programs.follow import Follower
from appliance.programs.generator import Generator
from appliance.programs.holding import Holding
from appliance.programs.last_good_file import LastGoodFile
from appliance.programs.lb import pages
from appliance.programs.loop import Wake, Wakes
from appliance.services.model import Ask, Selection, Texts

PASSWORD_OPEN = "$5$saltsalt$4NEBeCMO9KNtDGCX12S.OqmGJOmVMFPPt4vh0LEuNf."
"""The password `open`, as crypt writes it."""


class Marathon:
    """Answers with `apps`, or fails with `down`."""

    alarms = ()

    def __init__(self):
        self.apps, self.down, self.reads, self.picture_at = {}, "", 0, 0.0
        self.saves = False
        self.right_until = 0.0

    def facts(self):
        return {"error": self.down}

    def cluster(self):
        self.reads += 1
        if self.down:
            return None
        self.picture_at = time.time()
        return self._all()

    def saved(self):
        return self._all() if self.down and self.saves else None

    def _all(self):
        return wire.apps(json.dumps({"apps": list(self.apps.values())}).encode())

    def runs(self, name, *ports, **labels):
        self.apps[name] = {
            "id": f"/{name}",
            "labels": {"HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": "nginx.marathon.mesos", **labels},
            "container": {
                "type": "DOCKER",
                "docker": {"network": "BRIDGE", "portMappings": [{"containerPort": 80, "servicePort": 80}]},
            },
            "healthChecks": [{"path": "/", "protocol": "HTTP", "portIndex": 0}],
            "tasks": [
                {"id": f"{name}.{port}", "host": "127.0.0.1", "ports": [port], "state": "TASK_RUNNING"}
                for port in ports
            ],
        }


class Node:
    """Marathon, a generator's loop in a thread, and HAProxy."""

    def __init__(self, namespace):
        self.namespace = namespace
        self.haproxy = Haproxy(namespace)
        self.marathon, self.wakes = Marathon(), Wakes()
        self.report = self.haproxy.folder / "lb.json"
        self.thread = self.control = self.generator = self.last_good = self.follower = None

    def generate(self, *, judged=False, history=None):
        """`judged`: HAProxy is asked about texts that stand in labels. `history`: keeps what is applied."""
        haproxy = self.haproxy
        generator = Generator(
            haproxy.service, haproxy.process, Selection(("external",)), lambda _: {"127.0.0.1": "127.0.0.1"}
        )
        self.generator = generator
        generator.ports = Ports(lambda: self.namespace.connect(listeners))
        generator.ask = Ask(port_fault=generator.ports.fault)
        self.last_good = LastGoodFile(haproxy.folder / "last-good.json")
        generator.last_good, generator.remember = self.last_good.load(), self.last_good.save
        self.last_good.start()
        if judged:
            generator.ask = replace(generator.ask, text_fault=Isolation(lambda: generator.process))
            generator.selection = replace(generator.selection, texts=Texts(operator_texts.built_in()))
        self.control = Control(Path(haproxy.process.generator_socket), pages(haproxy.service, maps=True))
        self.control.start()
        holding = Holding(generator, history) if history else None
        self.follower = Follower(
            generator, self.marathon, wakes=self.wakes, report=self.report, holding=holding
        )
        self.thread = threading.Thread(target=self.follower.run)
        self.thread.start()

    def until(self, true):
        self.haproxy.until(true)

    def until_reported(self, **facts):
        self.until(lambda: facts.items() <= files.report(self.report).items())

    def change(self):
        """Tell the loop that something changed, and wait until HAProxy serves it."""
        before = files.report(self.report)["picture_at"]
        self.wakes.put(Wake.CHANGED)
        self.until(lambda: files.report(self.report)["picture_at"] > before)

    def who(self, count=60, **request):
        answers = [self.namespace.ask(**request) for _ in range(count)]
        return {body.split()[0] if status == 200 else status for status, _, body in answers}

    def stop(self):
        if self.thread is not None:
            self.wakes.put(Wake.STOP)
            self.thread.join(40)
            self.control.stop()
            self.last_good.stop()
            self.thread = None

    def close(self):
        self.stop()
        self.haproxy.close()


@pytest.fixture
def node(root):  # noqa: ARG001 - asks for root
    namespace = Namespace()
    node = Node(namespace)
    try:
        for port in (31277, 31022, 31667, 31380, 31001):
            namespace.serve(port, str(port))
        yield node
    finally:
        node.close()
        namespace.close()


def start_with_tutorial(node):
    node.marathon.runs("nginx", 31277, 31022)
    node.marathon.runs("nginx2", 31667, 31380)
    node.haproxy.start(LoadBalancer())
    node.generate()
    node.until_reported(picture="marathon", applied=True)


def test_the_tutorial_is_served(node):
    start_with_tutorial(node)
    everybody = {"31277", "31022", "31667", "31380"}
    assert node.who() == everybody
    assert node.who(headers={"Host": "NGINX.marathon.mesos:80"}) == everybody
    assert node.who(port=9091, headers={"X-Marathon-App-Id": "/nginx2"}) == {"31667", "31380"}
    report = files.report(node.report)
    assert report["apps"] == 2
    assert report["quarantined"] == []
    assert [notice for notice in report["notices"] if "/nginx and /nginx2 share" in notice]


def test_tasks_come_and_go_and_a_deleted_app_is_gone(node):
    start_with_tutorial(node)
    node.marathon.runs("nginx")
    node.change()
    assert node.who() == {"31667", "31380"}
    node.marathon.runs("nginx2")
    node.change()
    assert node.who(3) == {503}
    node.marathon.runs("nginx", 31001)
    node.change()
    assert node.who() == {"31001"}
    del node.marathon.apps["nginx2"]
    node.change()
    assert "nginx2_80" not in node.haproxy.config.read_text()
    assert node.who() == {"31001"}


def test_the_pages_behind_9090_tell_what_runs(node):
    start_with_tutorial(node)
    ask = node.namespace.ask
    status, headers, body = ask(9090, "/_haproxy_getconfig")
    assert (status, headers["content-type"]) == (200, "text/plain")
    assert body == node.haproxy.config.read_text()
    node.until(  # the worker of the first configuration may just be ending
        lambda: (
            {int(pid) for pid in ask(9090, "/_haproxy_getpids")[2].split()}
            == set(runtime.processes(node.haproxy.master).pids)
        )
    )
    assert ask(9090, "/_haproxy_getvhostmap")[2] == "".join(
        f"nginx.marathon.mesos {backend}\n" for backend in ("nginx_80", "nginx2_80")
    )
    assert ask(9090, "/_haproxy_getappmap")[2] == "/nginx nginx_80\n/nginx2 nginx2_80\n"


def test_without_its_generator_haproxy_goes_on(node):
    start_with_tutorial(node)
    node.stop()
    assert node.who() == {"31277", "31022", "31667", "31380"}
    assert node.namespace.ask(9090, "/_haproxy_getpids")[0] == 503


def test_with_marathon_away_at_the_start_the_last_picture_is_served(node):
    start_with_tutorial(node)
    node.stop()
    node.marathon.down = "no master answers"
    text = node.haproxy.config.read_text()
    node.generate()
    node.until_reported(picture="disk", applied=True)
    assert files.report(node.report)["marathon"]["error"] == "no master answers"
    assert node.haproxy.config.read_text() == text
    assert node.who() == {"31277", "31022", "31667", "31380"}

    node.marathon.down = ""
    node.wakes.put(Wake.CHANGED)
    node.until_reported(picture="marathon", applied=True)


def boot_without_marathon(node):
    node.stop()
    node.haproxy.crash()
    node.until(lambda: all(one.port != 80 for one in node.namespace.connect(listeners)))
    node.marathon.down, node.marathon.saves = "no master answers", True


def test_a_port_taken_before_the_boot_costs_only_itself_with_marathon_away(node):
    node.marathon.runs("taken", 31001, HAPROXY_0_PORT="10001", HAPROXY_0_VHOST="taken.example")
    start_with_tutorial(node)
    boot_without_marathon(node)
    foreign = node.namespace.serve(10001, "foreign")
    node.generate()
    node.until(lambda: "/taken" in reported(node))
    node.haproxy.start()
    node.until_reported(picture="disk", applied=True)
    assert node.who() == {"31277", "31022", "31667", "31380"}
    assert node.who(3, headers={"Host": "taken.example"}) == {"31001"}

    foreign.shutdown()
    foreign.server_close()
    node.until(lambda: not reported(node))
    assert node.who(3, port=10001) == {"31001"}


@pytest.mark.parametrize("left", [None, "# cut off\n"], ids=["lost", "damaged"])
def test_without_its_file_the_saved_picture_is_served_with_marathon_away(node, left):
    start_with_tutorial(node)
    text = node.haproxy.config.read_text()
    boot_without_marathon(node)
    node.haproxy.config.unlink()
    if left:
        node.haproxy.config.write_text(left)
    node.generate()
    node.until(lambda: files.read(node.haproxy.config) == text)
    node.haproxy.start()
    node.until_reported(picture="disk", applied=True)
    assert node.who() == {"31277", "31022", "31667", "31380"}


def test_a_node_that_never_saw_marathon_has_no_picture_but_answers(node):
    node.marathon.down = "no master answers"
    node.haproxy.start(LoadBalancer())
    node.generate()
    node.until_reported(picture="none", applied=True)
    assert node.who(1) == {503}
    assert node.namespace.ask(9090, "/_haproxy_health_check")[0] == 200


class Picky(Service):
    """Refuses every configuration with a backend `nginx2_80`, as HAProxy might."""

    def check(self, rendered):
        return "not nginx2" if "backend nginx2_80" in rendered.config else super().check(rendered)


class PickyAboutNames(Service):
    """Refuses every configuration that mentions the host `refused.example`, as HAProxy might."""

    def check(self, rendered):
        named = any("refused.example" in text for text in (rendered.config, *rendered.maps.values()))
        return "not that name" if named else super().check(rendered)


def reported(node):
    return {entry["app_id"]: entry["reason"] for entry in files.report(node.report)["quarantined"]}


@pytest.mark.parametrize(
    "unusable",
    [
        {"HAPROXY_0_AUTH": "nobody"},
        {"HAPROXY_0_VHOST": "two words.example"},
        {"HAPROXY_0_VHOST": "refused.example"},
        {"HAPROXY_0_BACKEND_HTTP_OPTIONS": "  option no-such-thing\n"},
    ],
)
def test_what_cannot_be_used_leaves_the_app_where_it_was_with_its_tasks_of_now(node, unusable):
    haproxy, marathon = node.haproxy, node.marathon
    haproxy.service = PickyAboutNames(haproxy.config, haproxy.process, haproxy.service.reloads)
    protected = {
        "HAPROXY_0_VHOST": "mine.example",
        "HAPROXY_0_AUTH": "mine:somebody:" + PASSWORD_OPEN,
    }
    marathon.runs("nginx", 31277)
    marathon.runs("mine", 31022, **protected)
    haproxy.start(LoadBalancer())
    node.generate(judged=True)
    node.until_reported(picture="marathon", applied=True)
    mine, login = {"Host": "mine.example"}, {"Authorization": "Basic c29tZWJvZHk6b3Blbg=="}
    assert node.who(1, headers=mine) == {401}
    assert node.who(3, headers={**mine, **login}) == {"31022"}

    marathon.runs("mine", 31667, 31380, **{**protected, **unusable})
    node.change()
    assert reported(node)["/mine"].endswith("its last good routes are kept")
    assert node.who(1, headers=mine) == {401}
    assert node.who(headers={**mine, **login}) == {"31667", "31380"}
    assert node.who(3, headers={"Host": "nginx.marathon.mesos"}) == {"31277"}

    marathon.runs("mine", **{**protected, **unusable})
    node.change()
    assert "mine_80" not in haproxy.config.read_text()
    marathon.runs("mine", 31001, **protected)
    node.change()
    assert not reported(node)
    assert node.who(3, headers={**mine, **login}) == {"31001"}


@pytest.mark.parametrize("damaged", [False, True])
def test_last_good_routes_outlive_the_generator_and_a_damaged_file_costs_only_them(node, damaged):
    start_with_tutorial(node)
    node.marathon.runs("mine", 31001, HAPROXY_0_VHOST="mine.example")
    node.change()
    node.stop()
    kept = node.haproxy.folder / "last-good.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    if damaged:
        kept.write_text(kept.read_text().replace("mine.example", "thine.example"))

    node.marathon.runs("mine", 31001, HAPROXY_0_VHOST="two words.example")
    node.generate()
    node.until(lambda: "/mine" in reported(node))
    node.until_reported(applied=True)
    assert reported(node)["/mine"].endswith("its last good routes are kept") is not damaged
    assert ("31001" in node.who(3, headers={"Host": "mine.example"})) is not damaged
    assert node.who(headers={"Host": "nginx.marathon.mesos"}) == {"31277", "31022", "31667", "31380"}


def test_an_app_that_cannot_be_read_is_served_as_before_until_it_is_deleted(node):
    start_with_tutorial(node)
    node.marathon.apps["nginx2"]["labels"] = ["no", "object"]
    node.change()
    assert reported(node)["/nginx2"].endswith("its last good routes are kept")
    assert node.who() == {"31277", "31022", "31667", "31380"}
    del node.marathon.apps["nginx2"]
    node.change()
    assert not reported(node)
    assert node.who() == {"31277", "31022"}


def test_an_app_that_haproxy_refuses_is_left_out_alone(node):
    haproxy = node.haproxy
    haproxy.service = Picky(haproxy.config, haproxy.process, haproxy.service.reloads)
    start_with_tutorial(node)
    assert node.who() == {"31277", "31022"}
    assert files.report(node.report)["quarantined"] == [
        {"app_id": "/nginx2", "reason": "HAProxy refuses it: not nginx2"}
    ]
    del node.marathon.apps["nginx2"]
    node.change()
    assert files.report(node.report)["quarantined"] == []


def test_a_restarted_haproxy_is_noticed_and_still_right(node):
    start_with_tutorial(node)
    node.haproxy.crash()
    node.until_reported(applied=False)
    node.haproxy.start()
    node.until_reported(picture="marathon", applied=True)
    assert node.who() == {"31277", "31022", "31667", "31380"}


def test_a_haproxy_that_runs_something_else_is_told_again(node):
    start_with_tutorial(node)
    text = node.haproxy.config.read_text()
    node.haproxy.config.write_text(render(LoadBalancer(), node.haproxy.process).config)
    runtime.command(node.haproxy.master, "reload")
    node.haproxy.config.write_text(text)
    node.until(lambda: node.who(1) != {503})


def test_a_storm_of_events_is_folded(node):
    start_with_tutorial(node)
    reads, started = node.marathon.reads, time.monotonic()
    for _ in range(200):
        node.wakes.put(Wake.CHANGED)
        time.sleep(0.001)
    node.change()
    passes = node.marathon.reads - reads
    assert passes <= 3 + (time.monotonic() - started) / 0.1


def test_a_configuration_file_that_somebody_changed_is_written_anew(node):
    start_with_tutorial(node)
    text = node.haproxy.config.read_text()
    node.haproxy.config.write_text(text.replace("retries 3", "retries 4"))
    node.change()
    assert node.haproxy.config.read_text() == text


def test_a_port_that_somebody_else_holds_costs_nobody_else_anything(node):
    start_with_tutorial(node)
    foreign = node.namespace.serve(10001, "foreign")
    node.marathon.runs("taken", 31001, HAPROXY_0_PORT="10001", HAPROXY_0_VHOST="taken.example")
    node.marathon.runs("other", 31001, HAPROXY_0_PORT="10002", HAPROXY_0_VHOST="other.example")
    node.change()
    reason = reported(node)["/taken"]
    assert "service port 10001 of port 0 is held by " in reason
    assert f"(pid {os.getpid()})" in reason
    assert node.who(3, headers={"Host": "taken.example"}) == {"31001"}
    assert node.who(3, port=10002) == {"31001"}
    assert node.who(3, port=10001) == {"foreign"}

    foreign.shutdown()
    foreign.server_close()
    node.until(lambda: not reported(node))
    assert node.who(3, port=10001) == {"31001"}


def test_a_port_that_was_taken_while_haproxy_was_down_does_not_keep_it_down(node):
    node.marathon.runs("taken", 31001, HAPROXY_0_PORT="10001", HAPROXY_0_VHOST="taken.example")
    start_with_tutorial(node)
    assert node.who(3, port=10001) == {"31001"}
    node.haproxy.crash()
    node.until_reported(applied=False)
    foreign = node.namespace.serve(10001, "foreign")
    node.until(lambda: "/taken" in reported(node))
    node.haproxy.start()
    node.until_reported(picture="marathon", applied=True)
    assert node.who(3, headers={"Host": "taken.example"}) == {"31001"}

    foreign.shutdown()
    foreign.server_close()
    node.until(lambda: not reported(node))
    assert node.who(3, port=10001) == {"31001"}


def test_a_reload_that_fails_is_remembered_until_something_changes(node):
    start_with_tutorial(node)
    node.generator.ports = None  # as if it were taken after the look
    node.generator.ask = Ask()
    node.namespace.serve(10001, "a foreign process")
    pids = runtime.processes(node.haproxy.master).pids
    node.marathon.runs("taken", 31001, HAPROXY_0_PORT="10001")
    node.wakes.put(Wake.CHANGED)
    node.until(lambda: not files.report(node.report)["last_reload"]["ok"])
    reads = node.marathon.reads
    node.wakes.put(Wake.CHANGED)
    node.until(lambda: node.marathon.reads > reads)
    assert "could not load" in files.report(node.report)["last_reload"]["message"]
    assert runtime.processes(node.haproxy.master).pids == pids
    assert files.report(node.report)["applied"]
    assert node.who(headers={"Host": "nginx.marathon.mesos"}) == {"31277", "31022", "31667", "31380"}

    node.marathon.runs("taken", 31001, HAPROXY_0_PORT="10002")
    node.change()
    assert files.report(node.report)["last_reload"]["ok"]
    assert node.who(3, port=10002) == {"31001"}
