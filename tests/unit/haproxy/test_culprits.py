from __future__ import annotations

import math

from appliance.haproxy.culprits import culprits, without
from appliance.haproxy.model import AppRoute, Backend, Frontend, LoadBalancer, Mode, Route


def serving(count):
    names = [f"b{n:04}_1" for n in range(count)]
    return LoadBalancer(backends=tuple(Backend(name, Mode.HTTP, "roundrobin", ()) for name in names))


class Engine:
    """Refuses a configuration that holds one of `bad`, or all of `together`."""

    def __init__(self, *bad, together=()):
        self.bad, self.together, self.checks = set(bad), set(together), 0

    def check(self, load_balancer):
        self.checks += 1
        names = {backend.name for backend in load_balancer.backends}
        if self.together and self.together <= names:
            return "they do not go together"
        found = sorted(names & self.bad)
        return f"{found[0]} is bad" if found else None


def test_one_of_many_is_found_with_few_checks():
    engine = Engine("b0700_1")
    assert culprits(serving(1000), engine.check) == {"b0700_1": "b0700_1 is bad"}
    assert engine.checks <= 2 + 2 * math.ceil(math.log2(1000))


def test_several_are_found_each_with_its_reason():
    found = culprits(serving(300), Engine("b0000_1", "b0001_1", "b0299_1").check)
    assert found == {name: f"{name} is bad" for name in ("b0000_1", "b0001_1", "b0299_1")}


def test_of_two_that_fail_only_together_the_later_one_goes():
    found = culprits(serving(40), Engine(together=("b0003_1", "b0030_1")).check)
    assert found == {"b0030_1": "they do not go together"}


def test_nobody_is_blamed_when_the_fault_is_elsewhere():
    assert culprits(serving(5), lambda _: "the global section is wrong") == {}


def test_all_may_be_guilty():
    found = culprits(serving(3), Engine("b0000_1", "b0001_1", "b0002_1").check)
    assert len(found) == 3


def test_without_leaves_to_others_what_they_share():
    load_balancer = LoadBalancer(
        routes=(Route("a", "", ("x_1", "y_1")), Route("b", "", ("x_1",))),
        frontends=(Frontend(1, Mode.HTTP, ("x_1",)), Frontend(2, Mode.HTTP, ("x_1", "y_1"))),
        app_routes=(AppRoute("/x", "x_1"), AppRoute("/y", "y_1")),
        backends=(Backend("x_1", Mode.HTTP, "first", ()), Backend("y_1", Mode.HTTP, "first", ())),
        default_http_backends=("x_1", "y_1"),
        default_https_backends=("x_1",),
    )
    assert without(load_balancer, ["x_1"]) == LoadBalancer(
        routes=(Route("a", "", ("y_1",)),),
        frontends=(Frontend(2, Mode.HTTP, ("y_1",)),),
        app_routes=(AppRoute("/y", "y_1"),),
        backends=(Backend("y_1", Mode.HTTP, "first", ()),),
        default_http_backends=("y_1",),
    )
