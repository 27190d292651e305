"""Every node's number, and who has which VIP then: the level scheme on three real keepalived.

Three VIPs, active/active, one of them IPv6. `make test` walks a sample of the combinations, the soak all.
"""

from __future__ import annotations

import ipaddress
import itertools
import os
import random
import time

import pytest
import vip_nodes
from vip_nodes import until

from appliance import settings
from appliance.health import reports
from appliance.health.verdict import Verdict
from appliance.interfaces import Interface
from appliance.keepalived import model, priority, render, service

pytestmark = [pytest.mark.usefixtures("root"), pytest.mark.timeout(1800)]

MORE = """
[[more_vips]]
address = "10.77.0.251"
prefers = ["slave-2", "slave-3"]
[[more_vips]]
address = "fd77::252"
interface = "eth0"
prefers = ["slave-3"]
"""
STEPS = 12
STILL_S = 0.45
"""Longer than an election lasts: by then a wrong one would show."""
ALL = sorted(itertools.product(Verdict, repeat=3), key=str)


def prefer_rank(wanted, vip):
    return [node.name for node in wanted.cluster.preferring(vip)]


@pytest.fixture(scope="module")
def nodes():
    with vip_nodes.cluster(more=MORE) as (made, _):
        for node in made:
            wanted = settings.load(node.paths.settings)
            present = (Interface("eth0", (ipaddress.ip_interface(f"{node.address}/24"),)),)
            text = render.configuration(node.name, model.instances(wanted, present), node.paths)
            node.paths.keepalived_conf.write_text(text)
            reports.write_number(node.paths, Verdict.FAULT.value)
            node.start("keepalived")
        yield made


def winner(wanted, vip, verdicts):
    """Who has to have `vip`; empty: nobody may."""
    numbers = {
        name: number
        for rank, name in enumerate(prefer_rank(wanted, vip))
        if (number := priority.effective(rank, verdicts[name].value)) is not None
    }
    return [max(numbers, key=numbers.__getitem__)] if numbers else []


def test_exactly_the_right_node_has_each_vip(nodes):
    wanted = settings.load(nodes[0].paths.settings)
    until(lambda: all(service.runs(node.paths) for node in nodes), 30, "three keepalived")
    whole = os.environ.get("ELECTION_WALK") == "all"
    walk = random.Random(6).sample(ALL, len(ALL) if whole else STEPS)
    for combination in walk:
        verdicts = {node.name: verdict for node, verdict in zip(nodes, combination)}
        for node in nodes:
            reports.write_number(node.paths, verdicts[node.name].value)
        for again in (False, True):
            if again:
                time.sleep(STILL_S)
            for vip in wanted.vips:
                right = winner(wanted, vip, verdicts)
                until(
                    lambda vip=vip, right=right: [it.name for it in nodes if it.has(vip.address)] == right,
                    20,
                    f"{vip.address} on {right or 'no node'} with {verdicts}",
                )
