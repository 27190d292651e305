"""An operator goes back to a generation that worked: it serves, whatever Marathon runs, until released."""

from __future__ import annotations

import json

import pytest
from one_node import OneNode

from appliance.haproxy.history import History


@pytest.fixture
def node(root):  # noqa: ARG001 - asks for root
    node = OneNode()
    try:
        node.boot()
        yield node
    finally:
        node.close()


def said(node, *words, code=0):
    ended, output, errors = node.appliance("config", *words)
    assert ended == code, output + errors
    return output if code == 0 else errors


def history(node):
    return History(node.paths.history, node.paths.pin)


def number_with(node, port):
    """The newest generation that serves the task at `port`."""
    numbers = history(node).numbers()
    return [n for n in numbers if f"127.0.0.1:{port}" in history(node).text(n).config][-1]


def rolled_back(node):
    """The generation with the task at 31001, held again."""
    number = number_with(node, 31001)
    words = said(node, "rollback", str(number), "--reason", "31002 is broken")
    assert f"generation {number} serves on this node and is held" in words
    assert node.served_by() == "31001"
    return number


def alarms(node):
    return {alarm["id"]: alarm["text"] for alarm in node.report()["alarms"]}


def test_what_was_applied_can_be_read_with_its_cause(node):
    newest = json.loads(said(node, "history", "-f", "json"))["generations"][-1]
    assert newest["kind"] in {"reload", "runtime"}
    assert newest["cause"]
    assert any("gone, was at 127.0.0.1:31001" in line for line in newest["changes"])
    assert any("new at 127.0.0.1:31002" in line for line in newest["changes"])
    assert f"generation {newest['number']}, applied" in said(node, "show")
    assert "127.0.0.1:31002" in said(node, "diff")
    assert "-  server" in said(node, "diff", "--text", str(newest["number"] - 1))
    assert str(newest["number"]) in said(node, "history").splitlines()[-1]


def test_a_generation_is_held_over_changes_and_restarts_until_it_is_released(node):
    number = rolled_back(node)
    assert "does not follow Marathon" in alarms(node)["CONFIG-HELD"]
    assert "31002 is broken" in alarms(node)["CONFIG-HELD"]
    assert node.report()["held"]["number"] == number

    events = node.report()["marathon"]["app_reads"]
    node.marathon.serves(31003)
    node.marathon.touched("/web")
    node.until(lambda: node.report()["marathon"]["app_reads"] > events)
    held = node.paths.haproxy_cfg.read_text()
    assert node.served_by() == "31001"

    node.kill(node.generator)
    node.kill(node.haproxy)
    node.haproxy = node.start_haproxy()
    node.until(lambda: node.served_by() == "31001")
    node.paths.lb_report.unlink()
    node.generator = node.start_generator()
    node.until(
        lambda: (
            (node.report().get("held") or {}).get("number") == number
            and node.report()["marathon"]["connected"]
        )
    )
    assert node.paths.haproxy_cfg.read_text() == held
    assert node.served_by() == "31001"

    said(node, "release")
    node.until(lambda: node.served_by() == "31003")
    node.until(lambda: "CONFIG-HELD" not in alarms(node))
    assert said(node, "release") == "no generation is held\n"


def test_a_generation_that_haproxy_refuses_now_is_not_held(node):
    number = number_with(node, 31001)
    path = node.paths.history / str(number) / "haproxy.cfg"
    text = path.read_text()
    path.unlink()
    path.write_text(text.replace("balance roundrobin", "balance nonsense"))
    assert "was changed by somebody" in said(node, "rollback", str(number), code=1)
    assert "is not kept; kept are" in said(node, "rollback", "999", code=1)
    assert not node.paths.pin.exists()
    assert node.served_by() == "31002"


def test_a_disk_that_is_full_for_the_history_stops_no_update(node):
    node.mount("-t", "tmpfs", "-o", "size=4k", "tmpfs", node.paths.history)
    node.serves(31001)
    node.until(lambda: "No space left" in alarms(node).get("HISTORY-NOT-KEPT", ""))
    node.serves(31003)
    node.mount("-o", "remount,size=10m", node.paths.history)
    node.serves(31001)
    node.until(lambda: "HISTORY-NOT-KEPT" not in alarms(node))
    kept = History(node.inside(node.paths.history), node.paths.pin)
    assert "127.0.0.1:31001" in kept.text(kept.numbers()[-1]).config
    assert node.generator.poll() is None
    assert node.log().count("what is applied cannot be kept") == 1


def test_a_damaged_history_stops_nothing_and_what_runs_goes_on(node):
    number = rolled_back(node)
    node.kill(node.generator)
    for damaged in (number, history(node).numbers()[-1]):
        path = node.paths.history / str(damaged) / "haproxy.cfg"
        path.unlink()
        path.write_bytes(b"\xff\x00\xfe")
    node.generator = node.start_generator()
    node.until(lambda: "was changed by somebody" in alarms(node).get("CONFIG-HELD-UNUSABLE", ""))
    assert node.served_by() == "31001"

    node.paths.pin.write_bytes(b"\xff\x00\xfe")
    node.until(lambda: "what runs is held" in alarms(node).get("CONFIG-HELD", ""))
    assert node.served_by() == "31001"

    said(node, "release")
    assert node.served_by() == "31002"
    newest = history(node).numbers()[-1]
    assert "127.0.0.1:31002" in history(node).rendered(newest).config
    assert [one.number for one in history(node).generations()]


def test_without_its_generator_a_rollback_says_when_it_will_serve(node):
    number = number_with(node, 31001)
    node.generator.terminate()
    node.generator.wait(20)
    assert "does not run: it serves it when it starts" in said(node, "rollback", str(number), code=3)
    node.until(lambda: node.served_by() == "31002")
    node.generator = node.start_generator()
    node.until(lambda: node.served_by() == "31001")


def test_the_settings_are_validated(node):
    assert said(node, "validate") == f"{node.paths.settings}: fine\n"
    assert said(node, "validate", "--quiet") == ""
    node.paths.settings.write_text(
        node.paths.settings.read_text().replace("generations = 20", "generation = 20")
    )
    assert "did you mean 'generations'" in said(node, "validate", "--quiet", code=1)
