"""`appliance` on a node that is not set up, not running, or told nonsense."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from appliance.cli import appliance, logs
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


def test_a_spoilt_line_among_the_events_is_told_and_hides_no_other(paths, capsys):
    events.record(paths.events, "drain", "drained: kernel")
    with paths.events.open("ab") as file:
        file.write(b'{"at": 1, "kind"\n\xff\xfe\n')
    events.record(paths.events, "drain", "undrained")
    assert call(paths, "events", "--json") == 0
    said = capsys.readouterr()
    assert [json.loads(line)["message"] for line in said.out.splitlines()] == ["drained: kernel", "undrained"]
    assert said.err.endswith(f"appliance: {paths.events}: 2 lines are no events and are left out\n")


def test_what_cannot_be_answered_is_json_too_where_json_is_asked_for(paths, capsys):
    paths.settings.unlink(missing_ok=True)
    assert call(paths, "status", "-f", "json") == 1
    said = capsys.readouterr()
    error = json.loads(said.out)["error"]
    assert error["id"] == "settings"
    assert "this node is not set up: run appliance-setup --vip ADDRESS" in error["text"]
    assert said.err == f"appliance: {error['text']}\n"


def test_the_schema_of_the_json_needs_no_node(paths, capsys):
    paths.settings.unlink(missing_ok=True)
    assert call(paths, "status", "--json-schema") == 0
    assert json.loads(capsys.readouterr().out)["$id"] == "marathon-ha-appliance/status/1"


def test_an_alarm_is_explained_anywhere(paths, capsys):
    assert call(paths, "explain", "vip-no-owner") == 0
    said = capsys.readouterr().out
    assert said.startswith("VIP-NO-OWNER (critical): ")
    assert "  appliance explain\n" in said


def test_an_app_is_not_explained_while_the_generator_does_not_run(paths, capsys):
    assert call(paths, "explain", "web") == 3
    assert "the generator does not answer" in capsys.readouterr().err


def test_logs_are_the_last_lines_of_each_program_or_of_one(paths, capsys):
    paths.log.mkdir(parents=True, exist_ok=True)
    (paths.log / "lb.log").write_text("one\ntwo\nthree\nnot whole")
    (paths.log / "health.log").write_bytes(b"\xff good\n")
    assert call(paths, "logs", "-n", "2") == 0
    assert capsys.readouterr().out == "health  \ufffd good\nlb      two\nlb      three\n"
    assert call(paths, "logs", "lb", "-n", "1") == 0
    assert capsys.readouterr().out == "three\n"
    assert call(paths, "logs", "nginx") == 64
    assert "no program nginx has a log here; there are health, lb" in capsys.readouterr().err


def test_a_node_that_never_ran_has_no_logs(paths, capsys):
    assert call(paths, "logs") == 3
    assert "this node was never started" in capsys.readouterr().err


def test_a_log_is_followed_over_its_rotation(tmp_path):
    path = tmp_path / "lb.log"
    path.write_text("old\n")
    log = logs.Log(path)
    assert log.last(5) == ["old"]
    with path.open("a") as file:
        file.write("new\nhal")
    assert log.more() == ["new"]
    with path.open("a") as file:
        file.write("f\n")
    assert log.more() == ["half"]
    path.rename(tmp_path / "lb.log.1")
    assert log.more() == []
    path.write_text("first of the next\n")
    assert log.more() == ["first of the next"]
    assert log.more() == []


@pytest.mark.parametrize("words", ["often", "0", "-1", "nan", "1e9"])
def test_watching_takes_seconds(paths, capsys, words):
    with pytest.raises(SystemExit) as ended:
        call(paths, "status", "-w", words)
    assert ended.value.code == 64
    assert "is no number of seconds between 0.1 and 86400" in capsys.readouterr().err


def test_the_records_of_a_domain_are_printed_by_kind_or_all_with_titles(paths, capsys):
    assert call(paths, "dns", "lines") == 64
    assert "give --domain" in capsys.readouterr().err
    paths.settings.write_text(TOML + '[dns]\ndomain = "shop.example.com"\nservers = ["10.0.0.1"]\n')
    assert call(paths, "dns", "lines", "nsupdate") == 0
    assert capsys.readouterr().out.splitlines()[0] == "server 10.0.0.1"
    assert call(paths, "dns", "lines", "--domain", "a.example") == 0
    assert "# a zone file\na.example. 300 IN A 127.0.0.250\n" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        call(paths, "dns", "check", "--domain", "https://a.example")
    assert ended.value.code == 64
    assert "write a.example" in capsys.readouterr().err
