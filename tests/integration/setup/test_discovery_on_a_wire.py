"""Marathon, Mesos and what follows from them, asked of small real servers."""

from __future__ import annotations

import json

import pytest

from appliance.settings import parse

VIP = ("--vip", "10.78.0.250")
INFO = {"name": "marathon", "version": "1.8.222"}
TOML = "etc/marathon-ha-appliance/appliance.toml"


def agents(*last_octets):
    return {
        "slaves": [
            {"pid": f"slave(1)@10.78.0.{octet}:5051", "active": True, "hostname": f"slave-{octet}"}
            for octet in last_octets
        ]
    }


def planned(done):
    """The appliance.toml that a dry run shows, as settings."""
    assert done.code == 0, done.message
    lines = done.output.split(TOML + "\n", 1)[1].split("\n---", 1)[0].splitlines()[1:]
    return parse("\n".join(line[1:] for line in lines if line.startswith(("+", " "))), "diff")


def test_the_vip_alone_is_enough(wire):
    """The first host is dead, the second answers and goes in front; both are kept."""
    wire.zookeeper("10.78.0.77", "10.78.0.2")
    wire.serve(8080, {"/v2/info": INFO})
    wire.serve(5050, {"/master/slaves": agents(4, 1, 3)})
    found = planned(wire.setup(*VIP, "--dry-run"))
    assert (found.vip.interface, found.vip.virtual_router_id) == ("wire0", 250)
    assert found.cluster.address == "10.78.0.1"
    assert [node.name for node in found.cluster.nodes] == ["slave-1", "slave-3", "slave-4"]
    assert found.marathon.urls == ("http://10.78.0.2:8080", "http://10.78.0.77:8080")


def test_a_dry_run_writes_nothing(wire, marathon):
    before = wire.tree()
    done = wire.setup(*VIP, *marathon, "--dry-run")
    assert "nothing written" in done.output
    for name in ("appliance.toml", "supervisord.conf", "keepalived-run", "notify", ".service"):
        assert name in done.output
    assert wire.tree() == before


def test_without_a_terminal_it_asks_for_yes_and_writes_nothing(wire, marathon):
    before = wire.tree()
    done = wire.setup(*VIP, *marathon)
    assert done.code == 64
    assert "--yes" in done.errors
    assert wire.tree() == before


def test_on_a_terminal_no_means_no(wire, marathon):
    before = wire.tree()
    assert wire.setup_on_a_terminal(*VIP, *marathon, answer="n") == 1
    assert wire.tree() == before


def test_a_standby_master_leads_to_the_one_that_knows_the_agents(wire, marathon):
    wire.serve(5050, {"/master/slaves": "//10.78.0.3:5050/master/slaves"})
    wire.serve(5050, {"/master/slaves": agents(1, 3)}, address="10.78.0.3")
    found = planned(wire.setup(*VIP, *marathon, "--mesos", "http://10.78.0.2:5050", "--dry-run"))
    assert [node.name for node in found.cluster.nodes] == ["slave-1", "slave-3"]


def test_masters_that_only_point_at_each_other_end_in_a_warning(wire, marathon):
    wire.serve(5050, {"/master/slaves": "//10.78.0.3:5050/master/slaves"})
    wire.serve(5050, {"/master/slaves": "//10.78.0.2:5050/master/slaves"}, address="10.78.0.3")
    done = wire.setup(*VIP, *marathon, "--dry-run")
    assert "WARN peers" in done.errors
    assert "--peer" in done.errors
    assert len(planned(done).cluster.nodes) == 1


def test_more_than_four_other_agents_have_to_be_named(wire, marathon):
    wire.serve(5050, {"/master/slaves": agents(1, 3, 4, 5, 6, 7)})
    done = wire.setup(*VIP, *marathon, "--yes")
    assert done.code == 1
    assert "FAIL peers" in done.errors
    assert "--peer" in done.errors
    found = planned(wire.setup(*VIP, *marathon, "--peer", "10.78.0.3", "n4=10.78.0.4", "--dry-run"))
    assert [node.address for node in found.cluster.nodes] == ["10.78.0.1", "10.78.0.3", "10.78.0.4"]
    assert found.cluster.nodes[2].name == "n4"


def test_credentials_are_used_where_they_are_asked_for_and_never_shown(wire):
    wire.zookeeper("10.78.0.2")
    wire.serve(8080, {"/v2/info": INFO}, login="ann:se:cret")
    wire.serve(5050, {"/master/slaves": agents(1, 3)}, login="ann:se:cret")
    file = wire.folder / "login"
    file.touch(0o600)
    file.write_text("ann:se:cret\n")
    asked = wire.setup(*VIP, "--yes")
    assert asked.code == 1
    assert "401" in asked.errors
    assert "--credentials-file" in asked.errors
    done = wire.setup(*VIP, "--credentials-file", file, "--dry-run")
    assert "se:cret" not in done.output + done.errors
    assert "not shown" in done.output
    found = planned(done)
    assert found.marathon.credentials_file.endswith("/marathon.credentials")
    assert len(found.cluster.nodes) == 2
    file.write_text("ann:wrong\n")
    refused = wire.setup(*VIP, "--credentials-file", file, "--dry-run")
    assert refused.code == 1
    assert "refuses the credentials" in refused.errors


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ({"/v2/info": "<html>a page</html>"}, "no JSON"),
        ({"/v2/info": '{"name": "mara'}, "no JSON"),
        ({"/v2/info": json.dumps({"hello": 1})}, "not as a Marathon"),
        ({}, "404"),
        (None, "does not answer"),
    ],
)
def test_what_is_no_marathon_is_refused(wire, routes, said):
    if routes is not None:
        wire.serve(8080, routes)
    done = wire.setup(*VIP, "--marathon", "http://10.78.0.2:8080", "--yes")
    assert done.code == 1
    (failure,) = [line for line in done.errors.splitlines() if "FAIL" in line]
    assert "marathon" in failure
    assert said in failure
    assert not (wire.root / "etc/marathon-ha-appliance").exists()
