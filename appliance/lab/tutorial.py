"""The documents of the deployment that this product replaces, and its way of posting them."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.lab.lab import Lab

HOST = "nginx.marathon.mesos"


def nginx(name: str) -> dict[str, Any]:
    """A web app in Docker's bridge network, published on service port 80 and under one host name."""
    port = {"containerPort": 80, "hostPort": 0, "servicePort": 80, "protocol": "tcp"}
    docker = {"image": "docker.io/nginx", "network": "BRIDGE", "portMappings": [port]}
    return {
        "id": name,
        "labels": {"HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": HOST},
        "cpus": 0.2,
        "mem": 20.0,
        "instances": 2,
        "healthChecks": [{"path": "/"}],
        "container": {"type": "DOCKER", "docker": docker},
    }


def marathon_lb(marathon: str) -> dict[str, Any]:
    """marathon-lb itself as an app, on one slave at a time; `marathon` is the URL of a master."""
    docker = {"image": "docker.io/mesosphere/marathon-lb", "privileged": True, "network": "HOST"}
    return {
        "id": "marathon-lb",
        "instances": 1,
        "constraints": [["hostname", "UNIQUE"]],
        "container": {"type": "DOCKER", "docker": docker},
        "args": ["sse", "-m", marathon, "--group", "external"],
    }


def post(lab: Lab, folder: Path, document: dict[str, Any]) -> str:
    """Post it as a file by curl; returns what was typed and Marathon's answer. Raises ApplianceError."""
    file = folder / f"{document['id']}.json"
    file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    target = f"{lab.topology.master.address}:8080/v2/apps"
    options = ["-i", "-H", "Content-Type: application/json", target]
    done = lab.curl(*options, f"-d@{file}")
    first = done.output.partition("\n")[0].strip()
    if " 201" not in first:
        raise ApplianceError(f"Marathon answered {file.name} by: {first or done.message}")
    return f"{shlex.join(['curl', *options])} -d@{file.name} -> {first}"
