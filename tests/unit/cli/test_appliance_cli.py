"""`appliance` on a node that is not set up, not running, or told nonsense."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from appliance.cli import appliance
from appliance.paths import Paths
from appliance.status import events

TOML = """
[vip]
address = "127.0.0.250"
interface = "eth0"
virtual_router_id = 250
[cluster]
address = "127.0.0.2"
nodes = [{ name = "slave-1", address = "127.0.0.2" }, { name = "slave-2", address = "127.0.0.3" }]
[marathon]
urls = ["http://127.0.0.1:8080"]
"""


@pytest.fixture
def paths():
    with tempfile.TemporaryDirectory(prefix="tk", dir="/tmp") as short:
        made = Paths(Path(short))
        for folder in (made.etc, made.log, made.state):
            folder.mkdir(parents=True)
        made.settings.write_text(TOML)
        yield made


def call(paths, *words):
    return appliance.main(["--root", str(paths.root), *words])


def test_a_node_that_is_not_set_up_is_told_so(paths, capsys):
    paths.settings.unlink()
    assert call(paths, "status") == 1
    assert "run appliance-setup --vip" in capsys.readouterr().err


def test_a_node_that_does_not_run_still_shows_the_table(paths, capsys):
    assert call(paths, "status") == 3
    said = capsys.readouterr()
    assert "slave-1  127.0.0.2  unreachable" in said.out
    assert said.err == "appliance: not running on this node: its agent does not answer\n"


def test_status_as_json_is_one_object(paths, capsys):
    assert call(paths, "status", "-f", "json") == 3
    assert [node["role"] for node in json.loads(capsys.readouterr().out)["nodes"]] == ["unreachable"] * 2


@pytest.mark.usefixtures("root")
def test_a_drain_needs_a_running_node(paths, capsys):
    assert call(paths, "drain") == 3
    assert "health program does not run" in capsys.readouterr().err
    assert not paths.drain.exists()


@pytest.mark.usefixtures("root")
def test_undraining_a_node_that_is_not_drained_is_fine(paths, capsys):
    assert call(paths, "undrain") == 0
    assert capsys.readouterr().out == "this node is not drained\n"


def test_events_are_lines_or_json(paths, capsys):
    events.record(paths.events, "drain", "drained: kernel")
    assert call(paths, "events", "-n", "1") == 0
    assert capsys.readouterr().out.rstrip().endswith("Z  drain       drained: kernel")
    assert call(paths, "events", "--json") == 0
    assert json.loads(capsys.readouterr().out)["message"] == "drained: kernel"


def test_an_unknown_program_is_a_usage_error(paths):
    with pytest.raises(SystemExit) as ended:
        call(paths, "run", "everything")
    assert ended.value.code == 64


def test_a_program_without_settings_ends_with_one_line(paths, capsys):
    paths.settings.write_text("[vip\n")
    assert call(paths, "run", "agent") == 1
    assert capsys.readouterr().err.startswith(f"appliance: {paths.settings}: not valid TOML")
