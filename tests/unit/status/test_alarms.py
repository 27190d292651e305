"""The one table of alarms: complete, and the runbook is made of it. To write docs/runbook.md anew:

.venv/bin/python -c 'from appliance.status import alarms; print(alarms.runbook(), end="")' > docs/runbook.md
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from appliance.cli import appliance
from appliance.status import alarms

TOP = Path(__file__).resolve().parents[3]
RAISED = (
    re.compile(
        r'"((?:VIP|DOMAIN|LB|CFG|CONFIG|HISTORY|HAPROXY|NODES?|VRRP|CLOCKS|CERTIFICATE|PICTURE|STREAM|RELOAD|VERSIONS)-[A-Z-]+)"'
    ),
    re.compile(r'_alarm\(\s*"([a-z-]+)"'),
    re.compile(r'Alarm\(\s*"([A-Z-]+)"'),
    re.compile(r'yield \(?\s*"([A-Z-]+)",'),
)


def raised():
    for folder in ("domain", "programs", "status", "keepalived", "marathon", "health"):
        for path in (TOP / "appliance" / folder).rglob("*.py"):
            if path.name != "alarms.py" or path.parent.name != "status":
                for pattern in RAISED:
                    yield from pattern.findall(path.read_text())


def test_each_alarm_that_is_raised_is_in_the_table_and_no_other():
    assert set(raised()) == set(alarms.ALARMS)


def test_the_runbook_is_written_from_the_table():
    text = (TOP / "docs/runbook.md").read_text()
    assert text == alarms.runbook(), "see this file's first lines"
    assert set(re.findall("^## (.*)$", text, re.MULTILINE)) == set(alarms.ALARMS)


@pytest.mark.parametrize("kind", alarms.ALARMS.values(), ids=lambda kind: kind.id)
def test_each_has_all_that_an_operator_needs_and_commands_that_exist(kind):
    assert kind.sign.endswith(".")
    assert kind.causes
    assert kind.cure
    assert kind.commands
    for command in kind.commands:
        program, *words = shlex.split(command)
        if program == "appliance":
            numbers = ["7" if word == "N" else word for word in words]
            appliance.build().parse_args(numbers)


def test_an_id_of_another_version_has_a_kind_too():
    assert alarms.kind("NEW-ONE").level is alarms.Level.WARNING
