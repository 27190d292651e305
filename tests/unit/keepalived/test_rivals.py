"""A second owner is noticed by what each side can hear, and not during an ordinary move."""

from __future__ import annotations

import socket
import struct

import pytest

from appliance.keepalived import claims
from appliance.keepalived.leftover import GIVEN_UP_S, is_left
from appliance.keepalived.notify import State
from appliance.keepalived.rivals import ALONE, NOBODY, TWO_OWNERS, Look, alarm, step

VIP, SECOND, THIRD = "10.0.0.250", "10.0.0.2", "10.0.0.3"
NAMES = {SECOND: "slave-2", THIRD: "slave-3"}
MAC = "02:00:00:00:00:02"
OWNER, OTHER = State.MASTER, State.BACKUP


def after(*story):
    """The alarm after (seconds, look) one after the other, each seen five times a second."""
    rivals, now = NOBODY, 100.0
    for seconds, look in story:
        for _ in range(round(seconds * 5)):
            rivals, now = step(rivals, look, now), now + 0.2
    return alarm(rivals, VIP, NAMES)


CALM = (3, Look(OWNER))


def test_an_owner_that_hears_nobody_is_calm():
    assert after((60, Look(OWNER))) == ("", "")


@pytest.mark.parametrize(
    ("look", "seconds", "words"),
    [
        (Look(OWNER, announced_by=[SECOND]), 1.4, "announced by slave-2 too, which does not hear this node"),
        (Look(OWNER, holders=[THIRD]), 4.4, "is on slave-3 too, whose adverts do not arrive"),
        (Look(OWNER, claimed_by=[MAC]), 0.2, f"claimed by MAC {MAC} too"),
        (
            Look(OTHER, announced_by=[SECOND, THIRD]),
            1.4,
            "announced by slave-2 and slave-3: let protocol 112",
        ),
    ],
    ids=["its adverts", "its agent", "its ARP", "both heard by a third"],
)
def test_two_owners_are_told_and_the_end_of_it_too(look, seconds, words):
    identity, text = after(CALM, (seconds, look))
    assert identity == TWO_OWNERS
    assert words in text
    assert after(CALM, (seconds, look), (13, Look(look.state))) == ("", "")


@pytest.mark.parametrize(
    ("before", "look", "seconds"),
    [
        (CALM, Look(OWNER, announced_by=[SECOND]), 0.6),
        (CALM, Look(OWNER, holders=[SECOND]), 3.0),
        ((0.2, Look(OTHER)), Look(OWNER, claimed_by=[MAC]), 1.0),
        (CALM, Look(OTHER, announced_by=[SECOND, THIRD]), 0.6),
        (CALM, Look(OTHER, announced_by=[SECOND]), 60),
        (CALM, Look(OTHER, claimed_by=[MAC], holders=[SECOND], silent=True), 60),
        (CALM, Look(OWNER, silent=True), 4),
    ],
)
def test_an_ordinary_move_is_no_alarm(before, look, seconds):
    assert after(before, (seconds, look)) == ("", "")


def test_an_owner_without_any_peer_says_what_that_may_mean():
    identity, text = after(CALM, (6, Look(OWNER, silent=True)))
    assert identity == ALONE
    assert "no peer answers" in text


def test_what_was_noticed_before_a_move_is_forgotten_by_it():
    assert after(CALM, (5, Look(OWNER, announced_by=[SECOND])), (0.4, Look(OTHER))) == ("", "")


def arp(mac, address, *, ethernet=1):
    head = b"\xff" * 6 + mac + struct.pack("!H", claims.ETHERTYPE_ARP)
    body = struct.pack("!HHBBH", ethernet, 0x0800, 6, 4, 1) + mac + socket.inet_aton(address)
    return head + body + bytes(6) + socket.inet_aton(address)


def test_a_claim_is_read_from_an_arp_packet():
    own, other, vip = b"\x02" * 6, bytes.fromhex(MAC.replace(":", "")), socket.inet_aton(VIP)
    assert claims.parse(arp(other, VIP), vip, own) == MAC
    assert claims.parse(arp(own, VIP), vip, own) == ""
    assert claims.parse(arp(other, "10.0.0.7"), vip, own) == ""
    assert claims.parse(arp(other, VIP, ethernet=6), vip, own) == ""
    assert claims.parse(arp(other, VIP)[:41], vip, own) == ""


def test_a_left_over_vip_stays_only_while_it_serves_and_keepalived_may_come_back():
    assert not is_left(0.0, 246)
    assert not is_left(GIVEN_UP_S - 0.1, 83)
    assert is_left(GIVEN_UP_S, 246)
    assert is_left(0.0, 82)
    assert is_left(0.0, None)
