"""Lines of the notify fifo, and the state that follows."""

from __future__ import annotations

import pytest

from appliance.keepalived.notify import Notice, State, Vrrp, follow, parse


@pytest.mark.parametrize(
    ("line", "notice"),
    [
        ('INSTANCE "LB" MASTER 246', Notice("LB", State.MASTER, 246)),
        ("INSTANCE LB BACKUP 82\n", Notice("LB", State.BACKUP, 82)),
        ('INSTANCE "LB" FAULT 0', Notice("LB", State.FAULT, 0)),
        ('GROUP "ALL" STOP 82', Notice("ALL", State.STOP, 82)),
        ('INSTANCE "LB" MASTER_PRIORITY 164', Notice("LB", None, 164)),
        ('INSTANCE "LB" BACKUP_PRIORITY 250', Notice("LB", None, 250)),
        ("INSTANCE LB UNKNOWN_WORD 1", None),
        ("INSTANCE LB MASTER", None),
        ("INSTANCE LB MASTER 1; reboot", None),
        ("", None),
        ("\x00\xff", None),
    ],
)
def test_lines(line, notice):
    assert parse(line) == notice


def test_a_state_said_twice_is_one_transition():
    first = follow(Vrrp(), Notice("LB", State.MASTER, 246), 10.0)
    again = follow(first, Notice("LB", State.MASTER, 246), 10.2)
    assert first == again == Vrrp(State.MASTER, 10.0, 246)


def test_a_priority_word_never_changes_the_state():
    master = Vrrp(State.MASTER, 10.0, 246)
    assert follow(master, Notice("LB", None, 250), 11.0) == Vrrp(State.MASTER, 10.0, 250)
