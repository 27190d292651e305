"""The house rules hold: style, types, layers. The same three commands as `make check`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from appliance import commands

TOP = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "argv",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"], ["lint-imports"]],
    ids=["style", "format", "types", "layers"],
)
def test_the_house_rules_hold(argv):
    done = commands.run([BIN / argv[0], *argv[1:]], cwd=TOP, timeout_s=150)
    assert done.code == 0, done.output + done.errors


def test_the_wheel_carries_the_templates_and_the_commands(tmp_path):
    done = commands.run(
        [BIN / "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, TOP],
        timeout_s=150,
    )
    assert done.code == 0, done.errors
    (wheel,) = tmp_path.glob("*.whl")
    listing = commands.run([sys.executable, "-m", "zipfile", "-l", wheel]).output
    for path in (TOP / "templates").rglob("*.j2"):
        assert f"appliance/templates/{path.relative_to(TOP / 'templates')}" in listing
    assert "entry_points.txt" in listing
