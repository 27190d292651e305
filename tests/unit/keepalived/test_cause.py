"""Why a transition happened, as far as this node can know."""

from __future__ import annotations

import socket

import pytest

from appliance.keepalived import advert
from appliance.keepalived.advert import Advert
from appliance.keepalived.cause import Witness, cause
from appliance.keepalived.notify import State

NAMES = {"10.77.0.237": "slave-1"}


def heard(priority):
    return Advert("10.77.0.237", 250, priority, 0.0)


@pytest.mark.parametrize(
    ("before", "after", "seen", "words"),
    [
        (State.MASTER, State.STOP, Witness(), "keepalived stops"),
        (
            State.MASTER,
            State.FAULT,
            Witness("just failed, HAProxy ended", 0.01, None),
            "this node must not hold it: just failed, HAProxy ended",
        ),
        (
            State.MASTER,
            State.FAULT,
            Witness("healthy", 60.0, 246),
            "keepalived reports a fault that is not the load balancer's: see the interface and its log",
        ),
        (State.BACKUP, State.MASTER, Witness(own_priority=246), "no other owner was heard"),
        (
            State.BACKUP,
            State.MASTER,
            Witness("healthy", 60.0, 236, heard(0), 0.01, names=NAMES),
            "slave-1 gave it up (priority 0)",
        ),
        (
            State.BACKUP,
            State.MASTER,
            Witness("healthy", 60.0, 236, heard(246), 0.308, names=NAMES),
            "no advert from slave-1 for 308 ms",
        ),
        (
            State.BACKUP,
            State.MASTER,
            Witness("healthy", 60.0, 236, heard(164), 0.05, names=NAMES),
            "own priority 236 is above slave-1's 164",
        ),
        (
            State.BACKUP,
            State.MASTER,
            Witness("healthy", 0.4, 246, heard(236), 0.05),
            "own priority 246 is above 10.77.0.237's 236; this node: healthy",
        ),
        (
            State.MASTER,
            State.BACKUP,
            Witness("draining, kernel", 0.3, 164, heard(236), 0.01, names=NAMES),
            "this node: draining, kernel; slave-1 has 236",
        ),
        (
            State.MASTER,
            State.BACKUP,
            Witness("healthy", 60.0, 236, heard(246), 0.01, names=NAMES),
            "slave-1 announced a higher priority, 246",
        ),
        (State.MASTER, State.BACKUP, Witness("healthy", 60.0, 236), "unknown"),
        (State.FAULT, State.BACKUP, Witness(), "the fault is over"),
        (State.STOP, State.BACKUP, Witness(), "keepalived started"),
        (State.BACKUP, State.MASTER, Witness("healthy", 60.0, 82, heard(100), 0.01), "unknown"),
    ],
)
def test_causes(before, after, seen, words):
    assert cause(before, after, seen).words == words


def packet(body, source="10.77.0.237"):
    return bytes([0x45, *bytes(11)]) + socket.inet_aton(source) + bytes(4) + body


def test_an_advert_is_read_from_the_raw_packet():
    body = bytes([0x31, 250, 246, 1, 0, 10, 0, 0]) + socket.inet_aton("10.77.0.250")
    assert advert.parse(packet(body), "10.77.0.237", 7.0) == Advert("10.77.0.237", 250, 246, 7.0)


def test_over_ipv6_there_is_no_header_before_it():
    body = bytes([0x31, 250, 246, 1, 0, 10, 0, 0]) + socket.inet_pton(socket.AF_INET6, "fd00::250")
    assert advert.parse(body, "fe80::1", 7.0) == Advert("fe80::1", 250, 246, 7.0)


@pytest.mark.parametrize("raw", [b"", bytes(19), packet(b"\x31\xfa"), packet(bytes([0x21]) + bytes(20))])
def test_what_is_no_vrrp_3_advert_is_passed_over(raw):
    assert advert.parse(raw, "10.77.0.237", 0.0) is None
