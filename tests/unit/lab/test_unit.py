from __future__ import annotations

import pytest

from appliance.lab.unit import Command, parse, restarts, seconds

TEXT = """\
[Unit]
Description=something
[Service]
ExecStartPre=/bin/mkdir -p /run/x
ExecStart=/usr/bin/thing --flag 'two words' \\
    --last
ExecStop=-/usr/bin/thing stop
ExecStopPost=-/usr/bin/clear
Environment=A=1 "B=two words"
Restart=always
RestartSec=2
TimeoutStopSec=1min 30s
LimitNOFILE=262144
RuntimeDirectory=thing
StateDirectory=thing thing/more
[Install]
WantedBy=multi-user.target
"""


def test_a_service_unit_is_read():
    unit = parse(TEXT)
    assert unit.start == Command(("/usr/bin/thing", "--flag", "two words", "--last"))
    assert unit.before == (Command(("/bin/mkdir", "-p", "/run/x")),)
    assert unit.stop == (Command(("/usr/bin/thing", "stop"), may_fail=True),)
    assert unit.after == (Command(("/usr/bin/clear",), may_fail=True),)
    assert unit.environment == (("A", "1"), ("B", "two words"))
    assert (unit.restart_delay_s, unit.stop_timeout_s, unit.open_files) == (2.0, 90.0, 262144)
    assert unit.folders == ("/run/thing", "/var/lib/thing", "/var/lib/thing/more")


def test_an_empty_assignment_forgets_the_earlier_ones():
    unit = parse("[Service]\nExecStart=/bin/a\nExecStopPost=/bin/b\nExecStopPost=\n")
    assert unit.after == ()


def test_a_unit_without_a_command_is_refused():
    with pytest.raises(ValueError, match="ExecStart"):
        parse("[Service]\nRestart=always\n")


@pytest.mark.parametrize(
    ("text", "expected"), [("2", 2), ("100ms", 0.1), ("1min 30s", 90), ("infinity", 3600)]
)
def test_time_spans(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize(
    ("policy", "status", "again"),
    [
        ("always", 0, True),
        ("always", 9, True),
        ("on-failure", 0, False),
        ("on-failure", 9, True),
        ("no", 9, False),
    ],
)
def test_the_restart_policy_decides_whether_it_starts_again(policy, status, again):
    assert restarts(parse(f"[Service]\nExecStart=/bin/a\nRestart={policy}\n"), status) is again
