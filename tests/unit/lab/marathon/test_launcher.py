"""Which apps of the lab are a real load balancer, and how they are started."""

from __future__ import annotations

import pytest

from appliance.lab.marathon.definition import complete
from appliance.lab.marathon.launcher import argv, load_balancer
from appliance.lab.marathon.model import Agent, Definition, Instance

HERE = Agent("slave-1", "10.77.0.237")
SLAVE = Agent("mha-slave-1", "10.77.0.237", "mha-slave-1")


def defined(**document):
    return Definition(complete({"id": "marathon-lb", **document}), "v1", "v1", "v1")


def image(name, *args):
    docker = {"image": name, "privileged": True, "network": "HOST"}
    return defined(container={"type": "DOCKER", "docker": docker}, args=list(args))


@pytest.mark.parametrize(
    "name",
    [
        "mesosphere/marathon-lb",
        "docker.io/mesosphere/marathon-lb",
        "mesosphere/marathon-lb:v1.15.0",
        "registry.example:5000/mirror/mesosphere/marathon-lb:v1.15.0",
        "mesosphere/marathon-lb@sha256:0123",
    ],
)
def test_marathon_lbs_image_runs_as_its_entry_point_does(name):
    words = ("sse", "-m", "http://10.77.0.233:8080", "--group", "external")
    assert load_balancer(image(name, *words)) == ["appliance-lb", "run", *words]


@pytest.mark.parametrize("name", ["docker.io/nginx", "mesosphere/marathon-lb-autoscale", "evil-mesosphere/x"])
def test_other_images_are_no_load_balancer(name):
    assert load_balancer(image(name, "sse")) == []


def test_our_own_app_runs_by_a_shell():
    cmd = "exec /opt/bin/appliance-lb run sse -m http://10.77.0.233:8080 --group external"
    assert load_balancer(defined(cmd=cmd)) == ["sh", "-c", cmd]


@pytest.mark.parametrize("cmd", ["appliance-lb sse", "sleep 1", "echo 'appliance-lb run", "exec"])
def test_other_commands_are_no_load_balancer(cmd):
    assert load_balancer(defined(cmd=cmd)) == []


def test_a_load_balancer_runs_on_a_machine_of_its_own_with_what_marathon_tells_it():
    definition = defined(cmd="appliance-lb run sse --group a", env={"HAPROXY_SYSLOGD": "1"}, ports=[0])
    instance = Instance(definition, ports=(31000,))
    words = argv(instance, SLAVE)
    assert words[2:6] == ["-m", "appliance.lab.executor", "mha-slave-1", instance.task_id]
    told = words[6 : words.index("--")]
    assert {"HAPROXY_SYSLOGD=1", "HOST=10.77.0.237", "PORTS=31000", "PORT0=31000"} <= set(told)
    assert words[words.index("--") :] == ["--", "sh", "-c", "appliance-lb run sse --group a"]


def test_where_there_is_no_such_machine_it_is_a_task_like_any_other():
    instance = Instance(defined(cmd="appliance-lb run sse --group a"))
    assert "appliance.lab.executor" not in argv(instance, HERE)
