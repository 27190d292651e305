"""Whether what a name server says leads to the VIP."""

from __future__ import annotations

import pytest

from appliance.domain import judge
from appliance.domain.model import SYSTEM, Answer, Target

VIP = "10.77.0.250"
TARGET = Target("shop.example.com", (VIP,), (("10.77.0.237", "slave-1"), ("10.77.0.238", "slave-2")))
TWO = Target("shop.example.com", (VIP, "10.77.0.251"))


def ids(*addresses, target=TARGET, problem=""):
    return [fault.id for fault in judge.faults(Answer(SYSTEM, addresses, problem), target)]


def test_the_vip_is_fine():
    assert ids(VIP) == []


def test_any_of_several_vips_is_fine_and_one_that_is_not_named_is_noted():
    assert ids("10.77.0.251", target=TWO) == []
    assert judge.notes(Answer(SYSTEM, (VIP,)), TWO) == ("it does not name 10.77.0.251, a VIP too",)
    assert judge.notes(Answer(SYSTEM, TWO.vips), TWO) == ()


@pytest.mark.parametrize(
    ("addresses", "found"),
    [
        ((), ["DOMAIN-UNKNOWN"]),
        (("192.0.2.9",), ["DOMAIN-ELSEWHERE"]),
        ((VIP, "2001:db8::1"), ["DOMAIN-ELSEWHERE"]),
        (("10.77.0.238",), ["DOMAIN-AT-NODE"]),
        ((VIP, "10.77.0.237", "192.0.2.9"), ["DOMAIN-AT-NODE", "DOMAIN-ELSEWHERE"]),
    ],
)
def test_every_address_that_clients_may_get_has_to_be_a_vip(addresses, found):
    assert ids(*addresses) == found


def test_a_silent_name_server_is_not_taken_for_a_missing_record():
    assert ids(problem="not within 2 s") == ["DOMAIN-NO-ANSWER"]


def test_a_fault_says_what_where_and_what_to_do():
    (fault,) = judge.faults(Answer("10.0.0.1", ("10.77.0.237", "10.77.0.238")), TARGET)
    assert str(fault) == (
        "shop.example.com points at slave-1's own 10.77.0.237 and slave-2's own 10.77.0.238 by 10.0.0.1, "
        "which stays when the node fails; point it at 10.77.0.250: 'appliance dns lines' prints the records"
    )


def test_a_long_ttl_is_noted():
    (note,) = judge.notes(Answer("10.0.0.1", (VIP,), ttl_s=86400), TARGET)
    assert "86400 s" in note
    assert judge.notes(Answer("10.0.0.1", (VIP,), ttl_s=300), TARGET) == ()
