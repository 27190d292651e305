from __future__ import annotations

import pytest

from appliance.errors import UsageError
from appliance.lab.faults import KINDS, inflict, is_program
from appliance.lab.topology import topology

PYTHON = "/srv/checkout/.venv/bin/python"


@pytest.mark.parametrize(
    ("program", "command"),
    [
        ("haproxy", ["/usr/sbin/haproxy", "-W", "-db"]),
        ("haproxy", ["haproxy", "-sf", "12"]),
        ("keepalived", ["/usr/sbin/keepalived", "-n"]),
        ("lb", [PYTHON, "/srv/checkout/.venv/bin/appliance-lb", "sse"]),
        ("lb", ["/usr/bin/python3.11", "-I", "/usr/bin/appliance-lb", "sse"]),
        ("health", [PYTHON, "/srv/checkout/.venv/bin/appliance", "run", "health"]),
        ("supervisord", [PYTHON, "/srv/checkout/.venv/bin/supervisord", "-n", "-c", "x"]),
    ],
)
def test_a_program_is_recognized_by_its_command_line(program, command):
    assert is_program(program, command)


@pytest.mark.parametrize(
    ("program", "command"),
    [
        ("haproxy", ["/usr/bin/tail", "-f", "/var/log/haproxy"]),
        ("haproxy", ["/usr/bin/setpriv", "--pdeathsig", "TERM", "--", "/usr/sbin/haproxy"]),
        ("lb", [PYTHON, "/srv/checkout/.venv/bin/appliance-lb", "once"]),
        ("health", [PYTHON, "/srv/checkout/.venv/bin/appliance", "run", "agent"]),
        ("health", []),
    ],
)
def test_a_program_is_not_mistaken_for_another(program, command):
    assert not is_program(program, command)


def test_an_unknown_fault_is_a_usage_error_that_names_the_known_ones():
    lab = topology()
    with pytest.raises(UsageError, match="kill-haproxy"):
        inflict("kill-everything", lab, lab.slaves[0])


def test_every_kind_is_described():
    assert all(KINDS.values())
