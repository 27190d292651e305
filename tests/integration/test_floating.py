"""Floating mode in a lab of its own: Marathon runs one load balancer, and the VIP follows it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from appliance import commands
from appliance.lab import faults, floating, state, tutorial
from appliance.lab.lab import Lab
from appliance.setup.app import ID

pytestmark = pytest.mark.timeout(400)

APPLIANCE = Path(sys.prefix) / "bin/appliance"
PATIENT_MS = 5_000.0
"""Of a client for whom only a refusal or a reset is a failure, however busy this machine is."""


@pytest.fixture(scope="module")
def floating_lab(root):  # noqa: ARG001 - needed to be root, not its value
    assert not state.remains(), "a lab is running already: appliance lab down"
    try:
        done = commands.run([APPLIANCE, "lab", "up", "--mode", "floating"], timeout_s=300)
        assert done.code == 0, done.output + done.errors
        lab = Lab.running()
        lab.deploy(tutorial.nginx("nginx"))
        yield lab
    finally:
        if state.remains():
            down = commands.run([APPLIANCE, "lab", "down"], timeout_s=30)
            assert down.code == 0, down.errors


def wait_followed(lab, *not_on):
    """Until an app answers on the VIP, which is where Marathon runs the load balancer; returns that node."""

    def elsewhere():
        owner = floating.followed(lab)
        return owner if owner and owner not in not_on else None

    owner = lab.wait("the VIP where Marathon runs the load balancer", elsewhere, 90)
    lab.wait("an app answers on the VIP", lambda: lab.get("/").status == 200, 90)
    return owner


# In the order in which they stand: the lab goes from our own app to the tutorial's, and to local mode.


def test_our_own_app_has_the_vip_and_no_node_has_a_load_balancer_beside_it(floating_lab):
    owner = wait_followed(floating_lab)
    for slave in floating_lab.topology.slaves:
        processes = faults.pids(slave, "haproxy")
        assert bool(processes) == (slave == owner)
        assert faults.pids(slave, "lb") == []
    quiet = "nodes that wait for Marathon are no alarm"
    floating_lab.wait(quiet, lambda: floating_lab.exec(owner.name, "appliance", "status").code == 0, 60)
    assert floating_lab.exec(owner.name, "appliance", "status").output.count("no working load balancer") >= 2


def test_the_load_balancer_of_another_node_takes_the_vip_along(floating_lab):
    owner = wait_followed(floating_lab)
    floating_lab.fault("power-off", owner.name)
    try:
        assert wait_followed(floating_lab, owner) != owner
    finally:
        floating_lab.fault("power-on", owner.name)


def test_the_tutorials_own_definition_works_as_it_stands(floating_lab, tmp_path):
    floating_lab.delete(ID)
    deployments = f"{floating_lab.topology.marathon}/v2/deployments"
    floating_lab.wait("our own is gone", lambda: floating_lab.get(deployments).json() == [], 90)
    said = tutorial.post(floating_lab, tmp_path, tutorial.marathon_lb(floating_lab.topology.marathon))
    assert "201" in said
    owner = wait_followed(floating_lab)
    document = floating_lab.get(f"{floating_lab.topology.marathon}/v2/apps/{ID}").json()["app"]
    assert document["container"]["docker"]["image"] == "docker.io/mesosphere/marathon-lb"
    assert "cmd" not in document
    assert floating_lab.get(f"http://{owner.address}:9090/_haproxy_health_check").status == 200


def test_a_node_with_marathons_load_balancer_is_not_made_local_beside_it(floating_lab):
    owner = wait_followed(floating_lab)
    refused = floating.setup(floating_lab, owner, "local")
    assert refused.code == 1
    assert "port-80: is held by haproxy" in refused.errors
    assert "'appliance drain' here, stop its app" in refused.errors


def test_back_to_local_mode_no_request_fails(floating_lab):
    wait_followed(floating_lab)
    with floating_lab.load(interval_ms=20, deadline_ms=PATIENT_MS) as load:
        floating.to_local(floating_lab)
        floating_lab.wait_healthy(60)
        _, seen = load.stop()
    assert seen.failed == 0, str(seen)
    assert seen.requests > 0
    for slave in floating_lab.topology.slaves:
        assert faults.pids(slave, "lb"), "a generator of its own"
