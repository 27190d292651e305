from __future__ import annotations

import argparse
import json
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from appliance.lab import load
from appliance.lab.load import Load, Request, summary


class Task(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"app": "/web", "task": "web.1", "said": self.headers["Host"]}).encode()
        self.send_response(200 if self.path == "/" else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 100


@contextmanager
def serving():
    with Server(("127.0.0.1", 0), Task) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def after(count):
    """A `stopped` that is true after so many looks."""
    looks = iter(range(10**9))
    return lambda: next(looks) >= count


def test_each_good_answer_says_who_gave_it():
    with serving() as url:
        requests = Load(url, interval_s=0.001, deadline_s=10).run(after(20))
    assert requests
    assert {(r.outcome, r.app, r.task) for r in requests} == {("ok", "/web", "web.1")}
    assert [r.started for r in requests] == sorted(r.started for r in requests)


def test_another_status_than_200_is_a_failure_by_its_number():
    with serving() as url:
        requests = Load(f"{url}/gone", interval_s=0.001, deadline_s=10).run(after(5))
    assert {r.outcome for r in requests} == {"status 503"}


def test_a_closed_port_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    requests = Load(f"http://127.0.0.1:{port}/", interval_s=0.001).run(after(5))
    assert {r.outcome for r in requests} == {"refused"}


def test_a_silent_server_is_a_timeout_and_does_not_slow_the_asking_down():
    with socket.create_server(("127.0.0.1", 0), backlog=200) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        end = time.monotonic() + 0.3
        requests = Load(url, interval_s=0.01, deadline_s=0.1).run(lambda: time.monotonic() > end)
    assert {r.outcome for r in requests} == {"timeout"}
    assert len(requests) > 10, "a closed loop would have asked three times"


def test_a_server_that_hangs_up_is_named():
    def hang_up(listening):
        try:
            while True:
                listening.accept()[0].close()
        except OSError:
            return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=hang_up, args=(listening,))
        thread.start()
        requests = Load(f"http://127.0.0.1:{listening.getsockname()[1]}/", interval_s=0.001).run(after(5))
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert {r.outcome for r in requests} <= {"closed", "reset"}


def ok(started, duration_ms=10.0, app="/web", task="web.1"):
    return Request(started, duration_ms, "ok", app, task)


def test_the_longest_gap_is_between_good_answers():
    requests = [ok(0.0), Request(0.1, 5.0, "refused"), ok(0.4), ok(0.45)]
    assert summary(requests).longest_gap_ms == pytest.approx(400)


def test_an_outage_that_lasts_to_the_end_counts():
    requests = [ok(0.0), Request(0.1, 250.0, "timeout"), Request(1.0, 250.0, "timeout")]
    assert summary(requests).longest_gap_ms == pytest.approx(1240)


def test_shares_and_failures_are_counted_by_kind():
    requests = [
        ok(0.0),
        ok(0.1, app="/b", task="b.1"),
        ok(0.2, app="/b", task="b.2"),
        Request(0.3, 1, "reset"),
    ]
    found = summary(requests)
    assert (found.requests, found.failed, found.failures) == (4, 1, {"reset": 1})
    assert found.apps == {"/b": 2, "/web": 1}
    assert found.tasks == {"b.1": 1, "b.2": 1, "web.1": 1}
    assert "1 failed (1 reset)" in str(found)
    assert "app /b: 2 (67%)" in str(found)


def test_no_request_is_no_gap():
    assert summary([]).longest_gap_ms == 0


@pytest.mark.parametrize(
    "given", [[], ["--until-signal", "--host", "a.b", "--json"], ["--duration", "3", "--records"]]
)
def test_the_command_line_passes_through(given):
    parser = argparse.ArgumentParser()
    load.add_arguments(parser)
    arguments = parser.parse_args(given)
    again = parser.parse_args(load.argv(arguments, "http://10.0.0.1/"))
    assert again.url == "http://10.0.0.1/"
    again.url = arguments.url
    assert again == arguments
