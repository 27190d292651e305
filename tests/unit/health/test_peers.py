"""What another node's status means to this one."""

from __future__ import annotations

import pytest

from appliance.health.peers import parse
from appliance.health.verdict import Verdict

HEALTHY = {"health": {"verdict": "HEALTHY"}, "holds_vip": True}
OWN, PEER = "10.0.0.2", "10.0.0.1"


def test_verdict_and_vip_are_its_own_words():
    peer = parse(HEALTHY, PEER, OWN, 7.0)
    assert (peer.verdict, peer.holds, peer.at, peer.address) == (Verdict.HEALTHY, True, 7.0, PEER)


@pytest.mark.parametrize(
    ("nodes", "knows_us"),
    [
        ([PEER, OWN], True),
        ([PEER, "10.0.0.3"], False),
        ([PEER], True),
        (None, True),
    ],
    ids=["listed", "not listed", "it knows nobody and speaks multicast", "an older version"],
)
def test_whether_it_knows_this_node(nodes, knows_us):
    assert parse({**HEALTHY, "nodes": nodes}, PEER, OWN, 7.0).knows_us is knows_us
