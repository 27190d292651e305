"""A load balancer that is not ours: found by its ports, its process by its own words."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from appliance.health.foreign import Master, ask


class Statistics(BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = self.server.pages.get(self.path, (404, ""))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def answering(pages):
    """Serve `pages` (path -> status, body) on a free port, which is given."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Statistics)
    server.pages = pages
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


WORKS = {"/_haproxy_health_check": (200, "<html>200 OK</html>")}


def closed_port():
    with answering({}) as port:
        return port


def test_a_marathon_lb_that_answers_on_both_ports_is_good():
    with answering(WORKS) as port:
        assert ask(port=port, statistics_port=port) == ""


def test_without_a_marathon_lb_the_statistics_port_is_named():
    port = closed_port()
    assert ask(port=port, statistics_port=port) == f"port {port} refuses connections"


def test_one_that_says_it_is_not_well_is_none():
    with answering({"/_haproxy_health_check": (503, "")}) as port:
        assert ask(port=port, statistics_port=port) == f"port {port} answered '503', not 200"


def test_one_without_port_80_is_none():
    closed = closed_port()
    with answering(WORKS) as port:
        said = ask(port=closed, statistics_port=port)
    assert said == f"port {closed} refuses connections, though marathon-lb answers"


def test_nothing_is_asked_on_port_80_where_a_tenant_may_answer():
    asked = []

    class Tenant(Statistics):
        def do_GET(self):
            asked.append(self.path)

    with answering(WORKS) as port:
        tenant = ThreadingHTTPServer(("127.0.0.1", 0), Tenant)
        thread = threading.Thread(target=tenant.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            assert ask(port=tenant.server_address[1], statistics_port=port) == ""
        finally:
            tenant.shutdown()
            tenant.server_close()
            thread.join()
    assert asked == []


PROCESSES = {
    10: "10 (haproxy) S 1 10 10",
    11: "11 (haproxy) S 10 10 10",
    12: "12 (haproxy) S 10 10 10",
    20: "20 (kthreadd) S 2 0 0",
    30: "30 (haproxy) S 1 30 30",
}


@pytest.mark.parametrize(
    ("said", "master"),
    [
        ("10 11 12", 10),
        ("12 11 10", 10),
        ("10", 10),
        ("20 21", None),  # the numbers of a container mean others here
        ("10 30", None),  # two masters: nobody knows which
        ("", None),
        ("no such thing", None),
    ],
)
def test_the_master_is_the_parent_among_the_processes_it_names(tmp_path, said, master):
    for pid, stat in PROCESSES.items():
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(stat)
    with answering({"/_haproxy_getpids": (200, said)}) as port:
        assert Master(tmp_path, port).find() == master


def test_the_process_is_asked_for_now_and_then_only(tmp_path):
    (tmp_path / "10").mkdir()
    (tmp_path / "10/stat").write_text(PROCESSES[10])
    with answering({"/_haproxy_getpids": (200, "10")}) as port:
        master = Master(tmp_path, port)
        assert master.find() == 10
        assert master.find() is None


def test_who_does_not_say_its_processes_is_watched_by_looks_alone(tmp_path):
    with answering({"/_haproxy_getpids": (503, "10")}) as port:
        assert Master(tmp_path, port).find() is None
    assert Master(tmp_path, closed_port()).find() is None
