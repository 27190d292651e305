"""From what a user posts to what Marathon keeps."""

from __future__ import annotations

import pytest

from appliance.lab.marathon.definition import absolute, complete, merged
from appliance.lab.marathon.errors import RefusedError
from appliance.lab.marathon.service_ports import assigned, service_ports


def nginx(**changes):
    """The tutorial's document."""
    return {
        "id": "nginx",
        "labels": {"HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": "nginx.marathon.mesos"},
        "cpus": 0.2,
        "mem": 20.0,
        "instances": 2,
        "healthChecks": [{"path": "/"}],
        "container": {
            "type": "DOCKER",
            "docker": {
                "image": "docker.io/nginx",
                "network": "BRIDGE",
                "portMappings": [{"containerPort": 80, "hostPort": 0, "servicePort": 80, "protocol": "tcp"}],
            },
        },
        **changes,
    }


def test_the_tutorials_document_becomes_the_new_dialect():
    made = complete(nginx())
    assert made["id"] == "/nginx"
    assert made["networks"] == [{"mode": "container/bridge"}]
    assert made["container"]["docker"] == {
        "image": "docker.io/nginx",
        "forcePullImage": False,
        "privileged": False,
        "parameters": [],
    }
    assert made["container"]["portMappings"] == [
        {"containerPort": 80, "hostPort": 0, "servicePort": 80, "protocol": "tcp", "labels": {}}
    ]
    assert "portDefinitions" not in made


def test_a_health_check_gets_marathons_defaults():
    (check,) = complete(nginx())["healthChecks"]
    assert check == {
        "protocol": "HTTP",
        "path": "/",
        "portIndex": 0,
        "gracePeriodSeconds": 300,
        "intervalSeconds": 60,
        "timeoutSeconds": 20,
        "maxConsecutiveFailures": 3,
        "delaySeconds": 15,
        "ignoreHttp1xx": False,
    }


def test_what_is_complete_stays_as_it_is():
    once = complete(nginx())
    assert complete(once) == once


def test_what_is_empty_or_null_is_left_out():
    made = complete(nginx(cmd=None, args=[], env={}, constraints=[]))
    assert not {"cmd", "args", "env", "constraints"} & set(made)


def test_host_mode_without_ports_has_one_port():
    made = complete({"id": "a", "cmd": "true"})
    assert made["networks"] == [{"mode": "host"}]
    assert made["portDefinitions"] == [{"port": 0, "protocol": "tcp", "labels": {}}]


def test_host_mode_may_have_no_port_at_all():
    assert complete({"id": "a", "cmd": "true", "ports": []})["portDefinitions"] == []


def test_old_host_network_reads_ports():
    made = complete(
        {"id": "a", "ports": [8000, 0], "container": {"docker": {"image": "x", "network": "HOST"}}}
    )
    assert service_ports(made) == [8000, 0]
    assert made["container"]["type"] == "DOCKER"


def test_a_container_network_keeps_a_mapping_without_host_port():
    made = complete(
        {
            "id": "a",
            "networks": [{"mode": "container", "name": "overlay"}],
            "container": {"type": "MESOS", "portMappings": [{"containerPort": 80}]},
        }
    )
    assert "hostPort" not in made["container"]["portMappings"][0]


@pytest.mark.parametrize(
    ("given", "wanted"), [("nginx", "/nginx"), ("/a/b", "/a/b"), ("a/./b/../c", "/a/c"), ("a.b-c", "/a.b-c")]
)
def test_ids_become_absolute(given, wanted):
    assert absolute(given) == wanted


@pytest.mark.parametrize("given", ["", "/", "UPPER", "a_b", "-a", "a/restart", "tasks", "ä"])
def test_ids_that_break_the_rules_are_refused(given):
    with pytest.raises(RefusedError) as refused:
        absolute(given)
    assert refused.value.status == 422


@pytest.mark.parametrize(
    ("document", "status", "path"),
    [
        ({"cmd": "x"}, 400, "/id"),
        ({"id": 5, "cmd": "x"}, 400, "/id"),
        ({"id": "a"}, 422, "/"),
        ({"id": "a", "cmd": "x", "instances": "two"}, 400, "/instances"),
        ({"id": "a", "cmd": "x", "instances": -1}, 422, "/instances"),
        ({"id": "a", "cmd": "x", "labels": {"n": 1}}, 400, "/labels/n"),
        ({"id": "a", "cmd": "x", "healthChecks": ["/"]}, 400, "/healthChecks(0)"),
        ({"id": "a", "cmd": "x", "ports": [70000]}, 422, "/ports(0)/port"),
        ({"id": "a", "container": {"portMappings": "80"}}, 400, "/container/portMappings"),
        ({"id": "a", "container": {"docker": {}}}, 422, "/container/docker/image"),
    ],
)
def test_a_wrong_document_is_refused_with_the_path(document, status, path):
    with pytest.raises(RefusedError) as refused:
        complete(document)
    assert refused.value.status == status
    assert refused.value.body["details"][0]["path"] == path


def test_a_patch_replaces_the_keys_it_names():
    before = complete(nginx())
    assert complete(merged(before, {"instances": 5})) == {**before, "instances": 5}


def test_a_patch_in_the_old_dialect_replaces_the_networking():
    before = complete(nginx())
    made = complete(merged(before, {"container": {"docker": {"image": "x", "network": "HOST"}}}))
    assert made["networks"] == [{"mode": "host"}]
    assert "portMappings" not in made["container"]


def mapped(*ports):
    mappings = [{"containerPort": 80, "servicePort": port} for port in ports]
    return complete({"id": "a", "container": {"docker": {"image": "x"}, "portMappings": mappings}})


def test_service_port_0_becomes_the_lowest_free_one():
    assert service_ports(assigned(mapped(0, 0), (), {10000, 10002})) == [10001, 10003]


def test_named_service_ports_are_not_unique():
    assert service_ports(assigned(mapped(80), (), {80})) == [80]


def test_an_update_gets_its_own_ports_back():
    assert service_ports(assigned(mapped(0, 0, 0), (10004, 10005), {10000, 10004, 10005})) == [
        10004,
        10005,
        10001,
    ]


def test_used_up_service_ports_are_an_error_of_the_server():
    with pytest.raises(RefusedError) as refused:
        assigned(mapped(0), (), set(range(10000, 20001)))
    assert refused.value.status == 500
