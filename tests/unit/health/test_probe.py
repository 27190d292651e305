"""The probe against a server that answers in many ways."""

from __future__ import annotations

import socket
import threading

import pytest

from appliance.haproxy.model import PROBE_HOST, PROBE_PATH
from appliance.health import probe


@pytest.fixture
def serve():
    """Answer one connection with `pieces`; returns (port, what was asked)."""
    listener = socket.create_server(("127.0.0.1", 0))
    asked: list[bytes] = []
    done = threading.Event()
    threads = []

    def start(*pieces, hang=False):
        def answer():
            connection, _ = listener.accept()
            with connection:
                asked.append(connection.recv(4096))
                for piece in pieces:
                    connection.sendall(piece)
                if hang:
                    done.wait(5)

        threads.append(threading.Thread(target=answer))
        threads[-1].start()
        return listener.getsockname()[1], asked

    yield start
    done.set()
    for thread in threads:
        thread.join()
    listener.close()


def test_200_is_good_and_the_question_is_the_reserved_one(serve):
    port, asked = serve(b"HTTP/1.1 200 OK\r\n\r\nok")
    assert probe.ask(port=port) == ""
    assert asked[0].startswith(f"GET {PROBE_PATH} HTTP/1.1\r\nHost: {PROBE_HOST}\r\n".encode())


def test_an_answer_may_come_in_pieces(serve):
    port, _ = serve(b"HTTP", b"/1.1 2", b"00 OK\r\n\r\n")
    assert probe.ask(port=port) == ""


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "answered '503', not 200"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "not 200"),
        (b"", "closed the connection without an answer"),
    ],
)
def test_anything_else_is_a_problem(serve, answer, problem):
    port, _ = serve(answer)
    assert problem in probe.ask(port=port)


def test_a_hung_server_costs_the_deadline_only(serve):
    port, _ = serve(hang=True)
    assert probe.ask(port=port, deadline_s=0.05) == f"port {port} gave no answer within 50 ms"


def test_a_closed_port_is_said():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert probe.ask(port=port) == f"port {port} refuses connections"
