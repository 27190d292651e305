"""The end of a process is noticed, and who listens on a socket is known."""

from __future__ import annotations

import os
import select
import socket

import pytest

from appliance import commands
from appliance.health import process, supervisord
from appliance.health.process import Watched


@pytest.fixture
def sleeper():
    started = commands.start(["sleep", "60"])
    yield started
    started.kill()
    started.wait()


def test_the_listener_of_a_socket_is_known(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        assert process.listener(tmp_path / "s") == os.getpid()
    assert process.listener(tmp_path / "s") is None
    assert process.listener(tmp_path / "missing") is None


def test_an_end_wakes_the_poll_and_is_said_once(sleeper):
    poll = select.poll()
    watched = Watched(poll, lambda: sleeper.pid)
    watched.find()
    assert not watched.ended()
    sleeper.kill()
    assert poll.poll(5000)
    assert watched.ended()
    assert not watched.ended()
    watched.find()
    assert watched.pid is None, "a dead process is not found again"


def test_a_process_that_is_already_gone_counts_as_ended(sleeper):
    sleeper.kill()
    sleeper.wait()
    watched = Watched(select.poll(), lambda: sleeper.pid)
    watched.find()
    assert watched.ended()


def test_a_poke_is_one_call_to_supervisord(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        listener.settimeout(5)
        thread = supervisord.poke(tmp_path / "s")
        connection, _ = listener.accept()
        with connection:
            request = connection.recv(4096)
        thread.join(5)
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /RPC2 HTTP/1.1")
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"supervisor.getState" in body


def test_a_poke_without_supervisord_is_no_error(tmp_path):
    supervisord.poke(tmp_path / "missing").join(5)
