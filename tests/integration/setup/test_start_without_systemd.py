"""The whole node below a root of its own, started by setup in the background."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from pathlib import Path

import pytest

from appliance import commands
from appliance.paths import Paths
from appliance.setup.supervisor import Supervisor

VIP = "10.78.0.250"
PROGRAMS = {f"appliance:{name}" for name in ("haproxy", "lb", "health", "agent")} | {
    "vip:vrrp",
    "vip:keepalived",
}


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


@pytest.fixture
def node(wire):
    wire.serve(
        8080,
        {
            "/v2/info": {"name": "marathon", "version": "1.8.222"},
            "/v2/apps?embed=apps.tasks": {"apps": []},
        },
        login="ann:secret",
    )
    login = wire.folder / "login"
    login.touch(0o600)
    login.write_text("ann:secret\n")
    words = ("--vip", VIP, "--marathon", "http://10.78.0.2:8080", "--credentials-file", login)
    paths = Paths(wire.root)
    try:
        yield wire, paths, words
    finally:
        pid = paths.supervisord_pid
        if pid.exists():
            end(int(pid.read_text()))


def end(pid):
    """SIGTERM, then wait until it is gone with everything it started."""
    below = [pid, *children(pid)]
    os.kill(pid, signal.SIGTERM)
    until(lambda: not any(alive(process) for process in below))


def children(pid):
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += [int(child), *children(int(child))]
    return found


def alive(pid):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def states(paths):
    return {program.name: program.state for program in Supervisor(paths.supervisor_socket).programs()}


def has_vip(wire):
    return commands.run(["ip", "-n", wire.slave, "address", "show", "to", VIP]).output


def test_a_node_comes_up_stays_as_it_is_and_takes_a_change(node):
    wire, paths, words = node
    first = wire.setup(*words, "--yes")
    assert first.code == 0, first.message + first.output
    assert "started in the background" in first.output
    assert f"VIP {VIP}: " in first.output
    assert "(10.78.0.1)" in first.output
    assert set(states(paths)) == PROGRAMS
    assert set(states(paths).values()) == {"RUNNING"}
    assert has_vip(wire)

    mode = paths.credentials.stat()
    assert stat.S_IMODE(mode.st_mode) == 0o640
    assert mode.st_uid == 0
    assert "secret" not in first.output + first.errors + paths.settings.read_text()

    before = {path: path.stat().st_mtime_ns for path in paths.etc.rglob("*")}
    second = wire.setup(*words, "--yes")
    assert second.code == 0, second.message
    assert second.output == "in sync: nothing to change\n"
    assert {path: path.stat().st_mtime_ns for path in paths.etc.rglob("*")} == before

    shared = wire.folder / "shared"
    shared.write_text("too short")
    refused = wire.setup(*words, "--secret-file", shared, "--yes")
    assert refused.code == 1
    assert "openssl rand -hex 32" in refused.errors
    shared.write_text("correct horse battery staple\n")
    given = wire.setup(*words, "--secret-file", shared, "--yes")
    assert given.code == 0, given.message
    assert "staple" not in given.output + given.errors
    for secret in (paths.cluster_secret, paths.node_secret):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert secret.stat().st_uid == paths.state.stat().st_uid != 0

    pids = {"haproxy": pid_of(paths, "appliance:haproxy"), "lb": pid_of(paths, "appliance:lb")}
    third = wire.setup(*words, "--group", "internal", "--yes")
    assert third.code == 0, third.message
    assert '+groups = ["internal"]' in third.output
    assert "restarted: appliance:lb" in third.output
    assert pid_of(paths, "appliance:lb") != pids["lb"]
    assert pid_of(paths, "appliance:haproxy") == pids["haproxy"]

    paths.settings.write_text("# mine\n" + paths.settings.read_text().replace("internal", "external"))
    fourth = wire.setup("--yes")
    assert fourth.code == 0, fourth.message
    assert "older settings are in use by: appliance:lb" in fourth.output
    assert paths.settings.read_text().startswith("# mine\n")

    conf = paths.supervisord_conf
    conf.write_text(conf.read_text().replace("stdout_logfile_backups=5", "stdout_logfile_backups=4"))
    fifth = wire.setup("--yes")
    assert fifth.code == 0, fifth.message
    assert "stdout_logfile_backups=4" in fifth.output
    assert wire.setup("--yes").output == "in sync: nothing to change\n"

    end(int(paths.supervisord_pid.read_text()))
    assert not has_vip(wire)


def pid_of(paths, name):
    (program,) = [p for p in Supervisor(paths.supervisor_socket).programs() if p.name == name]
    return program.description.partition(",")[0]


def test_it_starts_again_after_it_was_killed_and_says_nothing_of_its_former_life(node):
    wire, paths, words = node
    assert wire.setup(*words, "--yes").code == 0
    pid = int(paths.supervisord_pid.read_text())
    below = children(pid)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not any(alive(process) for process in below))
    assert not has_vip(wire)
    again = wire.setup(*words, "--yes")
    assert again.code == 0, again.message
    assert json.loads(paths.health_report.read_text())["verdict"] in ("HEALTHY", "DEGRADED")
    assert has_vip(wire)
