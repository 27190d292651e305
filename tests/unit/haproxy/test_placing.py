"""The files that HAProxy reads when it starts: complete at every instant."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.haproxy.generations import MAPS_FOLDER
from appliance.haproxy.model import LoadBalancer, Process, Route
from appliance.haproxy.reload import CommandReload
from appliance.haproxy.render import render
from appliance.haproxy.service import START_S, Service


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self):
        return self.now


def test_the_maps_of_a_replaced_file_stay_for_a_haproxy_that_may_just_start_with_it(tmp_path):
    process = Process(str(tmp_path), str(tmp_path / "h.sock"), str(tmp_path / "g.sock"))
    clock = Clock()
    service = Service(
        tmp_path / "haproxy.cfg", process, CommandReload(("true",), tmp_path / "h.sock"), clock=clock
    )

    def place(host):
        service.place(render(LoadBalancer(routes=(Route(host, "", ("a",)),)), process))
        return tmp_path / MAPS_FOLDER.search(service.config.read_text())[0]

    first = place("one.example")
    second = place("two.example")
    assert (first / "domain2backend.map").read_text() == "one.example a\n"
    clock.now += START_S
    third = place("three.example")
    assert not first.exists()
    assert second.exists()
    assert third.exists()
    assert place("two.example") == second
    clock.now += START_S
    place("four.example")
    assert second.exists()
    assert not third.exists()
