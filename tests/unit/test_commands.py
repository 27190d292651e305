from __future__ import annotations

import pytest

from appliance import commands
from appliance.errors import MissingError


def test_output_and_exit_code_are_kept():
    done = commands.run(["sh", "-c", "cat; echo bad >&2; exit 3"], stdin="in")
    assert (done.code, done.output, done.message) == (3, "in", "bad")


def test_a_command_that_hangs_ends_at_its_deadline():
    assert commands.run(["sleep", "30"], timeout_s=0.1).code == 124


def test_a_missing_program_names_the_package():
    with pytest.raises(MissingError, match="apt-get install no-such-engine"):
        commands.find("no-such-engine")
