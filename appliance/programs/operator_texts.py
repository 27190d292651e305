"""The parts that the operator wrote anew: read once at start, tried on sample apps, refused ones told."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.haproxy import operator_texts
from appliance.haproxy.isolation import trial
from appliance.haproxy.modern import TextError
from appliance.marathon.model import App, Cluster, Endpoint, HealthCheck, Port, Task
from appliance.services.model import Selection, Texts
from appliance.services.translate import translate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.haproxy.model import Process

_AUTH = "sample:user:$6$sample$" + "a" * 86


def usable(
    process: Process, folder: Path | None = None, environ: Mapping[str, str] | None = None
) -> tuple[Texts, tuple[str, ...]]:
    """The texts in use, and one notice for each of the operator's that is not: HAProxy itself is asked."""
    built_in = operator_texts.built_in()
    found, notices = operator_texts.read(folder or Path.cwd(), os.environ if environ is None else environ)
    good = {}
    for name, text in found.items():
        fault = _fault(process, Texts(built_in, {name: text}), grouped="GROUPED" in name)
        if fault:
            notices.append(f"HAPROXY_{name}: {fault}; the built-in text is used")
        else:
            good[name] = text
    return Texts(built_in, good), tuple(notices)


def _fault(process: Process, texts: Texts, *, grouped: bool) -> str:
    selection = Selection(("*",), texts=texts)
    translation = translate(Cluster(tuple(_samples())), selection, {})
    if translation.quarantined:
        return translation.quarantined[0].reason.partition(": ")[2]
    here = replace(process, texts=texts.overridden, group_https_by_vhost=grouped)
    try:
        words = trial(translation.load_balancer, here)
    except TextError as error:
        return str(error)
    return f"HAProxy refuses it: {words}" if words else ""


def _samples() -> Iterator[App]:
    """Apps that together use every part."""
    cases = product((1, 2), (False, True), (False, True), (False, True))
    for number, (hosts, path, auth, redirect) in enumerate(cases, 1):
        labels = {
            "HAPROXY_0_VHOST": ",".join(f"h{number}-{n}.example" for n in range(hosts)),
            "HAPROXY_0_STICKY": "true",
            "HAPROXY_0_USE_HSTS": "true",
            "HAPROXY_0_HTTP_BACKEND_PROXYPASS_PATH": "/a",
            "HAPROXY_0_HTTP_BACKEND_REVPROXY_PATH": "/a",
            "HAPROXY_0_HTTP_BACKEND_REDIR": "/a",
            "HAPROXY_0_BACKEND_NETWORK_ALLOWED_ACL": "10.0.0.0/8 192.168.0.0/16",
            **({"HAPROXY_0_PATH": "/p"} if path else {}),
            **({"HAPROXY_0_AUTH": _AUTH} if auth else {}),
            **({"HAPROXY_0_REDIRECT_TO_HTTPS": "true"} if redirect else {}),
        }
        yield _sample(f"/sample/{number}", 20000 + number, labels, "HTTP")
    networks = {"HAPROXY_0_BACKEND_NETWORK_ALLOWED_ACL": "10.0.0.0/8"}
    yield _sample("/sample/tcp", 20100, networks, "TCP")


def _sample(app_id: str, port: int, labels: Mapping[str, str], protocol: str) -> App:
    return App(
        app_id,
        labels,
        (Port(port),),
        (HealthCheck(protocol, "/", 0, None, 10, 5, 3),),
        (Task("sample", (Endpoint("192.0.2.1", 31000),), "TASK_RUNNING", ()),),
    )
