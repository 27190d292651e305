"""Services come back from text as they were, and a damaged text is no services."""

from __future__ import annotations

import json

import pytest

from appliance.haproxy.model import Check, CheckKind, Mode, Server
from appliance.marathon.model import HealthCheck, Port
from appliance.services import saved
from appliance.services.labels import ServiceLabels, service_labels
from appliance.services.model import Service

EVERYTHING = service_labels(
    {
        "VHOST": "a.example,*.b.example",
        "PATH": "-i /a /b",
        "AUTH": "realm:user:$1$abcdefgh$ijklmnopqrstuvwxyz0123",
        "MODE": "http",
        "BACKEND_WEIGHT": "-3",
        "BACKEND_NETWORK_ALLOWED_ACL": "10.0.0.0/8 fd00::/8",
        "BACKEND_HTTP_OPTIONS": "  option forwardfor # ä\n",
        "COMPRESSION": "true",
        "SERVER_TLS": "true",
    },
    0,
)
SERVICES = (
    Service("/plain", 0, 10001, Mode.TCP, ServiceLabels(), None, ()),
    Service(
        "/full",
        3,
        0,
        Mode.HTTP,
        EVERYTHING,
        Check(CheckKind.HTTPS, "/", 1, 2, 3, 8080),
        (Server("a", "10.0.0.1", 1, 2), Server("b", "fd00::1", 3, 4, "cookie", 5, disabled=True, host="h")),
        own_port=False,
        health_check=HealthCheck("HTTPS", "/", None, 8080, 1, 2, 3),
        app_port=Port(0, "udp,tcp", 80),
        groups=frozenset({"b", "a"}),
    ),
)
TEXT = saved.dump(map(saved.line, SERVICES))


def test_what_is_written_is_read_back():
    assert saved.parse(TEXT) == {service.key: service for service in SERVICES}
    assert saved.parse(saved.dump(())) == {}
    assert json.loads(TEXT)["schema"] == saved.SCHEMA


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        TEXT[:-20],
        TEXT.replace("10001", "10002"),
        TEXT.replace("last-good/1", "last-good/2"),
        saved.dump(['{"app_id":"/x"}']),
        saved.dump([saved.line(SERVICES[0]).replace('"tcp"', '"sctp"')]),
        saved.dump([saved.line(SERVICES[0]).replace('"labels":{', '"labels":{"new":1,')]),
        saved.dump(["7"]),
    ],
)
def test_a_text_that_is_not_ours_or_damaged_is_an_error(text):
    with pytest.raises(ValueError, match=r"."):
        saved.parse(text)
