"""Which agent, which ports."""

from __future__ import annotations

import random

from appliance.lab.marathon.definition import complete
from appliance.lab.marathon.model import PORT_RANGE, Agent, Definition, Instance
from appliance.lab.marathon.placement import place

AGENTS = tuple(Agent(f"slave-{n}", f"10.0.0.{n}") for n in (1, 2, 3))


def app(**keys):
    document = complete({"id": "web", "cmd": "serve", **keys})
    return Definition(document, "v", "v", "v")


def placed(definition, agent, *ports):
    return Instance(definition, agent=agent, ports=ports, listens=ports)


def put(definition, others=(), avoid=()):
    return place(definition, AGENTS, others, avoid=avoid, chance=random.Random(1))


def test_the_least_loaded_agent_is_taken():
    others = [placed(app(), AGENTS[0], 31000), placed(app(), AGENTS[1], 31000)]
    assert put(app(), others).agent == AGENTS[2]


def test_every_port_definition_gets_a_port_of_the_range():
    found = put(app(ports=[0, 0, 0]))
    assert len(set(found.ports)) == 3
    assert all(port in PORT_RANGE for port in found.ports)


def test_ports_in_use_and_of_the_past_are_avoided():
    free = PORT_RANGE[-1]
    assert put(app(), avoid=PORT_RANGE[:-1]).ports == (free,)


def test_hostname_unique_takes_each_agent_once():
    unique = app(constraints=[["hostname", "UNIQUE"]])
    others = [placed(unique, agent, 31000) for agent in AGENTS[:2]]
    assert put(unique, others).agent == AGENTS[2]
    assert put(unique, [*others, placed(unique, AGENTS[2], 31000)]) is None


def test_required_ports_exclude_agents_where_they_are_taken():
    fixed = app(ports=[31500], requirePorts=True)
    others = [placed(fixed, AGENTS[0], 31500)]
    found = put(fixed, others)
    assert (found.agent, found.ports) == (AGENTS[1], (31500,))


def test_a_mapping_without_host_port_is_served_but_not_announced():
    mappings = [{"containerPort": 8080}, {"containerPort": 9090, "hostPort": 0}]
    overlay = app(networks=[{"mode": "container"}], container={"portMappings": mappings})
    found = put(overlay)
    assert found.listens[0] == 8080
    assert found.ports == found.listens[1:]
