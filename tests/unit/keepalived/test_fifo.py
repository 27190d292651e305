"""The fifo between keepalived and the recorder."""

from __future__ import annotations

import os
import stat

import pytest

from appliance.keepalived.fifo import Fifo


@pytest.fixture
def fifo(tmp_path):
    made = Fifo(tmp_path / "vrrp.fifo")
    yield made
    os.close(made.descriptor)


def say(path, data):
    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    os.write(descriptor, data)
    os.close(descriptor)


def test_it_is_made_when_missing_and_never_blocks(fifo, tmp_path):
    assert stat.S_ISFIFO((tmp_path / "vrrp.fifo").stat().st_mode)
    assert fifo.lines() == []


def test_lines_come_whole_and_in_order(fifo, tmp_path):
    say(tmp_path / "vrrp.fifo", b"one\ntwo\nthr")
    assert fifo.lines() == ["one", "two"]
    say(tmp_path / "vrrp.fifo", b"ee\n")
    assert fifo.lines() == ["three"]


def test_a_plain_file_in_its_place_is_replaced(tmp_path):
    (tmp_path / "f").write_text("left by a writer that came first")
    made = Fifo(tmp_path / "f")
    assert made.lines() == []
    os.close(made.descriptor)


def test_it_opens_again_when_someone_removed_it(fifo, tmp_path):
    assert not fifo.replaced()
    (tmp_path / "vrrp.fifo").unlink()
    assert fifo.replaced()
    fifo.reopen()
    say(tmp_path / "vrrp.fifo", b"again\n")
    assert fifo.lines() == ["again"]
