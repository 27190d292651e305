"""The operator's hooks: told what is true in the end, never waited for."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

import pytest

from appliance.keepalived.hooks import Call, Hooks, usable

ABOUT = ("10.0.0.250", "state")


def until(happened, what="", seconds=30):
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def call(word, about=ABOUT):
    return Call(about, ("INSTANCE", "LB", word, "246"), {"APPLIANCE_STATE": word})


class Folder:
    def __init__(self, path):
        self.path = path / "notify.d"
        self.path.mkdir(mode=0o755)
        self.said, self.told, self.go = [], path / "told", path / "go"
        self.log = path / "notify.log"

    def hook(self, name, script, mode=0o755):
        file = self.path / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(mode)
        return file

    def hooks(self, **how):
        return Hooks(self.path, self.log, self.said.append, **how)

    def lines(self):
        return self.told.read_text().splitlines() if self.told.exists() else []


@pytest.fixture
def folder(tmp_path, root):  # noqa: ARG001 - hooks belong to root
    return Folder(tmp_path)


def test_each_hook_gets_keepaliveds_arguments_and_the_facts(folder):
    folder.hook("10-mail", f'echo "$* $APPLIANCE_STATE" >> {folder.told}; echo printed')
    folder.hooks().call(call("MASTER"))
    until(lambda: folder.lines() == ["INSTANCE LB MASTER 246 MASTER"])
    until(lambda: folder.log.read_text() == "printed\n")
    assert folder.said == []


def test_a_slow_hook_is_told_only_the_newest_of_what_waits(folder):
    wait = f"while [ ! -e {folder.go} ]; do sleep 0.05; done"
    folder.hook("slow", f"echo $3 >> {folder.told}; {wait}")
    hooks = folder.hooks()
    started = time.monotonic()
    hooks.call(call("MASTER"))
    until(lambda: folder.lines() == ["MASTER"])
    for word in ("BACKUP", "FAULT", "STOP"):
        hooks.call(call(word))
    assert time.monotonic() - started < 25, "nobody waited for the hook's end"
    hooks.call(call("BACKUP", ("10.0.0.251", "state")))
    until(lambda: folder.lines() == ["MASTER", "BACKUP"], "another VIP does not wait for it")
    folder.go.touch()
    until(lambda: folder.lines() == ["MASTER", "BACKUP", "STOP"])


def test_a_hook_that_does_not_end_is_ended_with_all_it_started(folder):
    folder.hook("stuck", f"trap '' TERM; echo $$ > {folder.told}; sleep 600 & wait; wait")
    folder.hooks(deadline_s=0.2).call(call("MASTER"))
    until(lambda: folder.said == ["stuck INSTANCE LB MASTER 246: did not end within 0.2 s and was ended"])
    group = int(folder.told.read_text())
    until(lambda: not alive(group))


def alive(group):
    """Whether a process of the group runs; one that only waits to be reaped does not."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, found = path.read_text().rpartition(")")[2].split()[:3]
            if int(found) == group and state != "Z":
                return True
    return False


def test_a_hook_that_fails_is_said_and_the_others_run(folder):
    folder.hook("10-fails", "exit 3")
    folder.hook("20-bad", "").write_bytes(b"\x7fELF nonsense")
    folder.hook("30-works", f"echo $3 >> {folder.told}")
    folder.hooks().call(call("MASTER"))
    until(lambda: folder.lines() == ["MASTER"] and len(folder.said) == 2)
    assert "10-fails INSTANCE LB MASTER 246: exit code 3" in folder.said
    assert any(words.startswith("20-bad") and "cannot be run" in words for words in folder.said)


def test_what_others_could_have_written_is_ignored_and_said_once(folder):
    mine = folder.hook("fine", "")
    others = {
        folder.hook("group", "", 0o775): "it can be written by others than root: chmod go-w",
        folder.hook("world", "", 0o757): "it can be written by others than root: chmod go-w",
        folder.hook("plain", "", 0o644): "it is not executable: chmod 755",
    }
    foreign = folder.hook("foreign", "")
    os.chown(foreign, 65534, 65534)
    others[foreign] = "it does not belong to root, who would run it: chown root"
    folder.hook("backup~", "")
    folder.hook(".hidden", "")
    (folder.path / "sub").mkdir()
    link = folder.path / "link"
    link.symlink_to(foreign)
    others[link] = others[foreign]
    assert usable(folder.path) == ([mine], {str(path): why for path, why in others.items()})
    hooks = folder.hooks()
    hooks.call(call("MASTER"))
    hooks.call(call("BACKUP"))
    assert sorted(folder.said) == sorted(f"{path} is ignored: {why}" for path, why in others.items())


def test_a_folder_that_others_may_write_has_no_hooks(folder):
    folder.hook("fine", "")
    folder.path.chmod(0o777)
    assert usable(folder.path) == (
        [],
        {str(folder.path): "the folder can be written by others than root: chmod go-w"},
    )


def test_no_folder_no_hooks(tmp_path):
    assert usable(tmp_path / "none") == ([], {})


def test_at_the_end_running_hooks_are_ended(folder):
    folder.hook("long", f"echo $$ > {folder.told}; exec sleep 600")
    hooks = folder.hooks()
    hooks.call(call("MASTER"))
    until(folder.lines)
    ending = threading.Thread(target=hooks.end)
    ending.start()
    ending.join(30)
    until(lambda: not alive(int(folder.told.read_text())))
