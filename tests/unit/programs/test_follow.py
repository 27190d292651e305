"""How often a configuration that cannot be applied is tried; HAProxy and Marathon are said, not run."""

from __future__ import annotations

import itertools

from appliance.errors import EngineError
from appliance.haproxy.model import Process
from appliance.marathon.model import Cluster
from appliance.marathon.wire import apps
from appliance.programs.follow import Follower
from appliance.programs.generator import Generator
from appliance.programs.loop import Wake, Wakes
from appliance.services.model import Selection

ONE = apps({"apps": [{"id": "/a", "labels": {"HAPROXY_GROUP": "x"}, "ports": [10000], "tasks": []}]})


class Stubborn:
    """A HAProxy that runs nothing of ours and cannot be reloaded."""

    def __init__(self):
        self.tried = 0
        self.reloads, self.live = self, None

    def worker(self):
        return None

    def running(self):
        return ""

    def old_workers(self):
        return 0

    def apply(self, _):
        self.tried += 1
        raise EngineError("no reload")


class Said:
    """Marathon's word."""

    picture_at, right_until, alarms = 1.0, 0.0, ()

    def __init__(self):
        self.now = Cluster(())

    def cluster(self):
        return self.now

    def saved(self):
        return None

    def read_all(self, reason):
        pass

    def facts(self):
        return {}


def follower(retries):
    process = Process("/tmp", "/tmp/h.sock", "/tmp/lb.sock")
    clock = itertools.count(0, 60)
    generator = Generator(
        Stubborn(), process, Selection(("x",)), lambda _: {}, clock=lambda: float(next(clock))
    )
    return Follower(generator, Said(), wakes=Wakes(), retry_s=0.0, retries=retries)


def passes(program, count=6):
    for _ in range(count):
        program.refresh()
    return program.generator.service.tried


def test_a_reload_is_tried_as_often_as_asked_and_again_when_something_changes():
    program = follower(retries=2)
    assert passes(program) == 3
    program.source.now = ONE
    assert passes(program) == 6
    assert "no reload" in program.last_reload["message"]


def test_sighup_counts_anew():
    program = follower(retries=0)
    assert passes(program) == 1
    program.take(Wake.REGENERATE)
    assert passes(program) == 2


def test_without_a_limit_it_is_tried_for_ever():
    assert passes(follower(retries=-1), count=20) == 20
