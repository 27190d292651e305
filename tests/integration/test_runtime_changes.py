"""Servers and map entries come, change and go in a HAProxy that is not reloaded; the file says what runs."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest
import slow_app
from netns import Namespace
from test_generator import Node
from vip_nodes import enter

from appliance import files
from appliance.haproxy import plan, runtime
from appliance.haproxy.generations import MAPS_FOLDER
from appliance.haproxy.history import History
from appliance.haproxy.lines import lines_of
from appliance.haproxy.live import Live
from appliance.haproxy.model import LoadBalancer
from appliance.programs.follow import SILENT
from appliance.programs.loop import Bucket, Wake

BACKEND = "shop_80"


class Shop(Node):
    """One app whose tasks are processes, so that they can be killed."""

    def __init__(self, namespace):
        super().__init__(namespace)
        self.tasks = {}
        self.live = Live(self.haproxy.process.socket)

    def task(self, port):
        argv = [sys.executable, Path(slow_app.__file__), str(port), str(port)]
        self.tasks[port] = self.namespace.start(argv)
        self.until(lambda: self.answers(port))

    def answers(self, port):
        with contextlib.suppress(OSError):
            return self.namespace.ask(port=port)[0] == 200
        return False

    def kill(self, port):
        process = self.tasks.pop(port)
        process.kill()
        process.wait(30)

    def begin(self, *ports, history=None):
        for port in ports:
            self.task(port)
        if ports:
            self.marathon.runs("shop", *ports)
        self.haproxy.start(LoadBalancer())
        self.generate(history=history)
        self.until_reported(picture="marathon", applied=True)
        if ports:
            self.until_served(*map(str, ports))

    def runs(self, *ports, **labels):
        self.marathon.runs("shop", *ports, **labels)
        self.change()

    def history(self):
        return History(self.haproxy.folder / "history", self.haproxy.folder / "held.json")

    def passes(self):
        """Until the loop has gone through a whole pass, whatever that did."""
        before = self.follower.pass_ended
        self.wakes.put(Wake.CHANGED)
        self.until(lambda: self.follower.pass_ended > before)

    def servers(self):
        return {(it.port, it.maintenance, it.drain) for it in self.live.servers([BACKEND])[BACKEND].values()}

    def until_gone(self, port):
        """Until HAProxy does not know it any more: whoever was to leave has left."""
        self.until(lambda: port not in {one.port for one in self.live.servers([BACKEND])[BACKEND].values()})

    @property
    def processes(self):
        return runtime.processes(self.haproxy.master)

    @property
    def workers(self):
        return self.processes.workers

    def until_served(self, *names, host="any.example"):
        self.until(lambda: self.who(4 * len(names), headers={"Host": host}) == set(names))

    def until_the_file_says_what_runs(self):
        self.until(lambda: self.said() == self.found())

    def maps_in(self, text):
        return list((self.haproxy.folder / MAPS_FOLDER.search(text)[0]).iterdir())

    def said(self):
        """By the file: its structure, the app's servers, the entries of the maps that it uses."""
        text = self.haproxy.config.read_text()
        lines = lines_of(text)[BACKEND].values()
        maps = {path.name: plan.entries(path.read_text()) for path in self.maps_in(text)}
        return (
            self.haproxy.service.structure_on_disk(),
            {(line.name, line.place, line.weight, line.disabled) for line in lines},
            {name: sorted(entries) for name, entries in maps.items() if f"/{name}" in text},
        )

    def found(self):
        """The same by HAProxy's own words."""
        servers = self.live.servers([BACKEND])[BACKEND].values()
        maps = self.live.maps([path.name for path in self.maps_in(self.haproxy.config.read_text())])
        return (
            self.haproxy.service.running(),
            {(one.name, one.place, one.weight, one.maintenance) for one in servers},
            {name: sorted(entries) for name, entries in maps.items()},
        )

    def close(self):
        super().close()
        for port in list(self.tasks):
            self.kill(port)


class Load(threading.Thread):
    """Requests one after the other; on fresh connections, or on one that is kept."""

    def __init__(self, namespace, *, keep):
        super().__init__(daemon=True)
        self.namespace, self.keep = namespace, keep
        self.good, self.failed = 0, []
        self.ended = threading.Event()

    def run(self):
        enter(self.namespace.name)
        connection = None
        while not self.ended.is_set():
            connection = connection or HTTPConnection("127.0.0.1", 80, timeout=30)
            try:
                connection.request("GET", "/", headers={"Host": "nginx.marathon.mesos"})
                answer = connection.getresponse()
                body = answer.read()
                if answer.status == 200:
                    self.good += 1
                else:
                    self.failed.append((answer.status, body))
            except (OSError, HTTPException) as error:
                self.failed.append(repr(error))
                connection.close()
            if not self.keep:
                connection.close()
        connection.close()


@contextlib.contextmanager
def load(namespace):
    clients = [Load(namespace, keep=keep) for keep in (False, False, True, True)]
    for client in clients:
        client.start()
    try:
        yield clients
    finally:
        for client in clients:
            client.ended.set()
        for client in clients:
            client.join(60)


@pytest.fixture
def shop(root):  # noqa: ARG001 - asks for root
    namespace = Namespace()
    shop = Shop(namespace)
    try:
        yield shop
    finally:
        shop.close()
        namespace.close()


def test_moved_and_scaled_under_load_no_request_fails_and_nothing_is_reloaded(shop):
    shop.begin(31001, 31002)
    workers = shop.workers
    with load(shop.namespace) as clients:
        shop.until(lambda: all(client.good for client in clients))
        old = [31001, 31002]
        for new in (31003, 31004, 31005, 31006):  # each replaces the oldest, which is then really killed
            shop.task(new)
            gone = old.pop(0)
            old.append(new)
            shop.runs(*old)
            shop.until_gone(gone)
            shop.kill(gone)
        for port in (31007, 31008):
            shop.task(port)
        shop.runs(*old, 31007, 31008)
        shop.until_served("31005", "31006", "31007", "31008")
        shop.runs(31008)
        for gone in (31005, 31006, 31007):
            shop.until_gone(gone)
            shop.kill(gone)
        before = [client.good for client in clients]
        shop.until(lambda: all(client.good > n for client, n in zip(clients, before)))
    assert [client.failed for client in clients] == [[], [], [], []]
    assert shop.workers == workers
    shop.until_the_file_says_what_runs()


def test_a_long_answer_ends_before_its_server_goes(shop):
    shop.begin(31001)
    shop.task(31002)
    connection = shop.namespace.connect(lambda: HTTPConnection("127.0.0.1", 80, timeout=60))
    shop.namespace.connect(lambda: connection.request("GET", "/stream"))
    answer = shop.namespace.connect(connection.getresponse)
    shop.runs(31002)
    shop.until_served("31002")
    assert len(answer.read()) == slow_app.PIECES * len(slow_app.PIECE)
    connection.close()
    shop.until_gone(31001)
    shop.until_the_file_says_what_runs()


def test_who_is_wanted_again_while_it_leaves_stays(shop):
    shop.begin(31001)
    shop.task(31002)
    connection = shop.namespace.connect(lambda: HTTPConnection("127.0.0.1", 80, timeout=60))
    shop.namespace.connect(lambda: connection.request("GET", "/stream"))
    answer = shop.namespace.connect(connection.getresponse)
    shop.runs(31002)
    shop.runs(31001, 31002)
    answer.read()
    connection.close()
    shop.until(lambda: not shop.generator.rollout.departures.leaving)
    shop.until_served("31001", "31002")
    shop.until_the_file_says_what_runs()


def test_another_name_of_a_known_app_is_a_map_entry(shop):
    shop.namespace.serve(31002, "default")
    shop.marathon.runs("default", 31002, HAPROXY_0_VHOST="default.example")
    shop.task(31001)
    shop.begin()
    shop.runs(31001, HAPROXY_0_VHOST="first.example")
    shop.until_served("31001", host="first.example")
    workers = shop.workers
    shop.runs(31001, HAPROXY_0_VHOST="first.example,second.example")
    shop.until_served("31001", host="second.example")
    shop.runs(31001, HAPROXY_0_VHOST="second.example")
    shop.until_served("default", host="first.example")
    shop.until_served("31001", host="second.example")
    assert shop.workers == workers
    shop.until_the_file_says_what_runs()


def test_each_change_is_a_generation_and_those_kept_stay_as_they_were(shop):
    kept = shop.history()
    shop.begin(31001, history=kept)
    shop.task(31002)
    first = kept.numbers()[-1]
    shop.runs(31002)
    shop.runs(31002, HAPROXY_0_VHOST="second.example")
    shop.runs(31002, HAPROXY_0_VHOST="third.example")
    made = kept.generations()[-3:]
    assert [one.number for one in made] == [first + 1, first + 2, first + 3]
    assert {one.kind for one in made} == {"runtime"}
    assert [any("31002" in line for line in one.changes) for one in made] == [True, False, False]
    assert [any("third.example" in line for line in one.changes) for one in made] == [False, False, True]
    for number in kept.numbers():
        kept.rendered(number)  # raises if its files are others than those applied
    assert "31002" not in kept.rendered(first).config
    assert kept.rendered(first + 3).config == shop.haproxy.config.read_text()


def test_while_a_generation_is_held_nobody_comes_or_goes_and_no_reload_is_due(shop):
    kept = shop.history()
    shop.begin(31001, history=kept)
    for port in (31002, 31003):
        shop.task(port)
    connection = shop.namespace.connect(lambda: HTTPConnection("127.0.0.1", 80, timeout=60))
    shop.namespace.connect(lambda: connection.request("GET", "/stay"))
    answer = shop.namespace.connect(connection.getresponse)
    shop.generator.bucket = Bucket(1, 0.0, time.monotonic())
    shop.runs(31002)
    shop.until(lambda: (31001, False, True) in shop.servers())
    shop.marathon.runs("late", 31002, HAPROXY_0_VHOST="late.example")  # a reload that waits its turn
    shop.passes()
    workers, config = shop.workers, shop.haproxy.config.read_text()

    kept.pin(kept.numbers()[-1], "for a test")
    shop.until(lambda: (files.report(shop.report)["held"] or {}).get("serves"))
    shop.marathon.runs("shop", 31002, 31003)
    shop.generator.bucket = Bucket(60)
    answer.close()
    connection.close()
    for _ in range(3):
        shop.passes()
    assert shop.servers() == {(31001, False, True), (31002, False, False)}
    assert (shop.workers, shop.haproxy.config.read_text()) == (workers, config)

    kept.release()
    shop.until_served("31002", "31003")
    shop.until_gone(31001)
    shop.until(lambda: "late_80" in shop.haproxy.config.read_text())
    shop.until_the_file_says_what_runs()


class Clumsy(Live):
    """Says everything, and then something that HAProxy refuses."""

    def update(self, update):
        super().update(update)
        runtime.send(self.socket, [f"add server {BACKEND}/again 127.0.0.1:1 no-such-keyword"])


def test_what_haproxy_refuses_at_run_time_is_reloaded(shop):
    shop.begin(31001)
    shop.task(31002)
    workers = shop.workers
    shop.haproxy.service.live = Clumsy(shop.live.socket)
    shop.runs(31002)
    shop.until_served("31002")
    assert shop.workers != workers
    assert files.report(shop.report)["last_reload"]["ok"]
    shop.until_the_file_says_what_runs()


def test_while_a_reload_waits_its_turn_tasks_come_and_go(shop):
    shop.begin(31001)
    shop.task(31002)
    workers = shop.workers
    shop.generator.bucket = Bucket(1, 0.0, time.monotonic())
    shop.marathon.runs("late", 31002, HAPROXY_0_VHOST="late.example")
    shop.runs(31002)
    shop.until_served("31002")
    shop.until_gone(31001)
    assert shop.workers == workers
    assert "late_80" not in shop.haproxy.config.read_text()
    shop.until_the_file_says_what_runs()
    shop.generator.bucket = Bucket(60)
    shop.change()
    shop.until(lambda: "late_80" in shop.haproxy.config.read_text())
    shop.until_the_file_says_what_runs()


def test_a_name_that_somebody_took_is_made_right_by_a_reload(shop):
    shop.begin(31001)
    shop.task(31002)
    (name,) = shop.live.servers([BACKEND])[BACKEND]
    runtime.send(
        Path(shop.haproxy.process.socket),
        [f"add server {BACKEND}/{name.replace('31001', '31002')} 127.0.0.1:31009"],
    )
    shop.runs(31001, 31002)
    shop.until_served("31001", "31002")
    shop.until_the_file_says_what_runs()


def test_a_worker_that_hangs_is_told_and_what_is_wanted_comes_without_a_restart(shop):
    shop.begin(31001)
    shop.task(31002)
    (worker,) = shop.workers
    os.kill(worker, signal.SIGSTOP)
    try:
        shop.marathon.runs("shop", 31002)
        shop.change()
        shop.until(lambda: SILENT in {one["id"] for one in files.report(shop.report)["alarms"]})
    finally:
        os.kill(worker, signal.SIGCONT)
    shop.until_served("31002")
    shop.until(lambda: not files.report(shop.report)["alarms"])
    shop.until_reported(applied=True)
    shop.until_the_file_says_what_runs()


def test_a_crash_between_the_change_and_its_file_comes_back_to_what_is_wanted(shop):
    shop.begin(31001)
    shop.task(31002)
    before = shop.haproxy.config.read_text()
    shop.runs(31002)
    shop.until_gone(31001)
    shop.haproxy.crash()
    shop.until_reported(applied=False)
    shop.haproxy.config.write_text(before)  # as if the crash had come first
    shop.haproxy.start()
    shop.until_served("31002")
    shop.until_gone(31001)
    shop.until_the_file_says_what_runs()


def test_a_generator_that_dies_before_it_wrote_the_file_finds_what_it_did(shop):
    shop.begin(31001)
    shop.task(31002)
    shop.stop()
    (name,) = shop.live.servers([BACKEND])[BACKEND]
    other = name.replace("31001", "31002")
    runtime.send(
        Path(shop.haproxy.process.socket),
        [
            f"add server {BACKEND}/{other} 127.0.0.1:31002",
            f"set server {BACKEND}/{other} state ready",
            f"set server {BACKEND}/{name} state drain",
        ],
    )
    shop.marathon.runs("shop", 31002)
    shop.generate()
    shop.until_reported(picture="marathon", applied=True)
    shop.until_served("31002")
    shop.until_the_file_says_what_runs()


def test_when_haproxy_is_started_anew_the_same_is_served(shop):
    shop.begin(31001)
    shop.task(31002)
    shop.runs(31001, 31002, HAPROXY_0_VHOST="other.example")
    shop.stop()
    shop.haproxy.crash()
    shop.haproxy.start()
    shop.until_served("31001", "31002", host="other.example")
