"""Host names become addresses; slow or failing DNS costs a bounded wait and never a known address."""

from __future__ import annotations

import threading

from appliance.marathon.resolve import EXPIRY_S, RETRY_S, Resolver, lookup


class Names:
    """A name service that can be changed, and counts."""

    def __init__(self, **known):
        self.known = known
        self.asked = []

    def __call__(self, name):
        self.asked.append(name)
        return self.known.get(name, "")


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def settled(resolver, names, expected):
    """Ask until a lookup in the background has ended."""
    with resolver._answered:
        assert resolver._answered.wait_for(
            lambda: not any(e.asked for e in resolver._entries.values()), timeout=10
        )
    assert resolver.addresses(names) == expected


def test_addresses_are_themselves_and_are_not_looked_up():
    names = Names()
    assert Resolver(names).addresses(["10.0.0.1", "fd00:0::1"]) == {
        "10.0.0.1": "10.0.0.1",
        "fd00:0::1": "fd00::1",
    }
    assert names.asked == []


def test_names_are_looked_up_once_and_again_when_they_expire():
    clock, names = Clock(), Names(agent="10.0.0.1")
    resolver = Resolver(names, clock)
    for _ in range(3):
        assert resolver.addresses(["agent", "nowhere"]) == {"agent": "10.0.0.1"}
    assert sorted(names.asked) == ["agent", "nowhere"]
    names.known = {"agent": "10.0.0.2", "nowhere": "10.0.0.3"}
    clock.now += EXPIRY_S + RETRY_S
    resolver.addresses(["agent", "nowhere"])
    settled(resolver, ["agent", "nowhere"], {"agent": "10.0.0.2", "nowhere": "10.0.0.3"})


def test_the_last_good_address_stays_when_dns_fails():
    clock, names = Clock(), Names(agent="10.0.0.1")
    resolver = Resolver(names, clock)
    resolver.addresses(["agent"])
    names.known = {}
    clock.now += EXPIRY_S + 1
    resolver.addresses(["agent"])
    settled(resolver, ["agent"], {"agent": "10.0.0.1"})
    assert names.asked == ["agent", "agent"]


def test_a_lookup_that_hangs_is_waited_for_once_and_holds_up_no_other():
    release = threading.Event()

    def look_up(name):
        if name == "slow":
            release.wait(10)
        return "10.0.0.1"

    resolver = Resolver(look_up, deadline_s=0.2)
    assert resolver.addresses(["slow", "quick"]) == {"quick": "10.0.0.1"}
    assert resolver.addresses(["slow", "quick"]) == {"quick": "10.0.0.1"}
    release.set()
    settled(resolver, ["slow"], {"slow": "10.0.0.1"})


def test_what_is_no_host_name_does_not_resolve():
    assert lookup("127.0.0.1") == "127.0.0.1"
    assert lookup("") == ""
    assert lookup("a\ud800b") == ""
    assert lookup("a" * 300 + ".b") == ""
