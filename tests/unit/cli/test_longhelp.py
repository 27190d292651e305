"""The long help and docs/reference.md say all that the program knows. To write the reference anew:

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

REFERENCE = Path(__file__).resolve().parents[3] / "docs/reference.md"


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


def test_the_reference_is_what_the_program_says():
    said = longhelp.markdown(flags.groups(flags.build()))
    if os.environ.get("REFERENCE") == "write":
        REFERENCE.write_text(said)
    assert REFERENCE.read_text() == said
