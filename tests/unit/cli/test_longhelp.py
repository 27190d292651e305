"""The long help, docs/reference.md and the man page say all that the program knows. To write them anew:

REFERENCE=write .venv/bin/pytest tests/unit/cli/test_longhelp.py
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.cli import flags, lb, longhelp
from appliance.haproxy.catalogue import PARTS
from appliance.services import labels
from appliance.services.label_catalogue import LABELS

TOP = Path(__file__).resolve().parents[3]
REFERENCE = TOP / "docs/reference.md"
MANUAL = TOP / "docs/man/appliance-lb.8"


def test_the_long_help_names_every_flag_label_template_and_variable(capsys):
    with pytest.raises(SystemExit) as end:
        lb.main(["--longhelp"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    for name in (*flags.build()._option_string_actions, *(one.name for one in LABELS)):
        assert name in said
    assert all(f"  {part.name} " in said or f"  {part.name}\n" in said for part in PARTS)
    assert "HAPROXY_SSL_CERT" in said


def test_every_label_that_is_read_is_listed():
    read = {f"HAPROXY_{{n}}_{name}" for name in (*labels._FIELDS, "GROUP", "ENABLED")}
    assert read == {one.name for one in LABELS if "{n}" in one.name}


def pages():
    groups = flags.groups(flags.build())
    return {
        REFERENCE: longhelp.markdown(groups),
        MANUAL: longhelp.manual(groups, flags.DESCRIPTION, flags.EXIT_CODES),
    }


@pytest.mark.parametrize("path", [REFERENCE, MANUAL], ids=["reference", "man page"])
def test_the_pages_are_what_the_program_says(path):
    said = pages()[path]
    if os.environ.get("REFERENCE") == "write":
        path.write_text(said)
    assert path.read_text() == said
