"""What clients get where somebody wrote a part anew: golden cases, served by a real HAProxy."""

from __future__ import annotations

import base64
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from netns import Namespace
from real_haproxy import Haproxy

from appliance.haproxy import operator_texts
from appliance.marathon import wire
from appliance.services.model import Selection, Texts
from appliance.services.translate import translate

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
ANN = {"Authorization": "Basic " + base64.b64encode(b"ann:password").decode()}
NAMES = {31001: "one", 31002: "two"}


class Tls:
    """Offers `name` in its hello; takes any certificate."""

    def __init__(self, name):
        self.name = name

    def wrap_socket(self, plain, **_):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(plain, server_hostname=self.name)


class Case:
    """A HAProxy that serves the apps of a golden case, whose tasks are on 127.0.0.1."""

    def __init__(self, name, **process):
        self.namespace = Namespace()
        self.haproxy = Haproxy(self.namespace)
        written, notices = operator_texts.read(GOLDEN / name, {})
        self.haproxy.process = replace(self.haproxy.process, texts=written, **process)
        assert not notices
        cluster = wire.apps((GOLDEN / name / "apps.json").read_bytes())
        selection = Selection(("external",), texts=Texts(operator_texts.built_in(), written))
        self.translation = translate(cluster, selection, {})

    def start(self):
        assert not self.translation.quarantined
        for port, answer in NAMES.items():
            self.namespace.serve(port, answer)
        self.haproxy.start(self.translation.load_balancer)

    def close(self):
        self.haproxy.close()
        self.namespace.close()

    def ask(self, host, path="/", *, port=80, secure=False, headers=None, **how):
        how = {**how, "tls": Tls(host)} if secure else how
        port = 443 if secure else port
        return self.namespace.ask(port, path, headers={"Host": host, **(headers or {})}, **how)

    def part(self, *args, **how):
        """The part that a request went through, as it wrote it into the request; else the status."""
        status, _, body = self.ask(*args, **how)
        seen = [line.partition(": ")[2] for line in body.splitlines() if line.lower().startswith("x-part: ")]
        return seen[0] if seen else status


def served(name, **process):
    @pytest.fixture(scope="module")
    def made(root):  # noqa: ARG001 - asks for root
        case = Case(name, **process)
        try:
            case.start()
            yield case
        finally:
            case.close()

    return made


routes = served("route_parts")
groups = served("groups")
networks = served("networks_and_checks")
heads = served("operators_heads")
grouped = served("grouped_parts", group_https_by_vhost=True)


@pytest.mark.parametrize(
    ("host", "path", "secure", "part"),
    [
        ("plain.example", "/", False, "HTTP_FRONTEND_ACL"),
        ("plain.example", "/", True, "HTTPS_FRONTEND_ACL"),
        ("path.example", "/a/b", False, "HTTP_FRONTEND_ACL_WITH_PATH"),
        ("path.example", "/a/b", True, "HTTPS_FRONTEND_ACL_WITH_PATH"),
        ("two.example", "/", False, "HTTP_FRONTEND_ROUTING_ONLY"),
        ("zwei.example:80", "/", False, "HTTP_FRONTEND_ROUTING_ONLY"),
        ("two-path.example", "/a", False, "HTTP_FRONTEND_ROUTING_ONLY_WITH_PATH"),
        ("zwei-path.example", "/a", False, "HTTP_FRONTEND_ROUTING_ONLY_WITH_PATH"),
    ],
)
def test_a_route_goes_through_the_part_of_its_kind(routes, host, path, secure, part):
    assert routes.part(host, path, secure=secure) == part


@pytest.mark.parametrize(
    ("host", "path", "secure", "part"),
    [
        ("auth.example", "/", False, "HTTP_FRONTEND_ACL_WITH_AUTH"),
        ("auth.example", "/", True, "HTTPS_FRONTEND_ACL_WITH_AUTH"),
        ("path-auth.example", "/a", False, "HTTP_FRONTEND_ACL_WITH_AUTH_AND_PATH"),
        ("path-auth.example", "/a", True, "HTTPS_FRONTEND_ACL_WITH_AUTH_AND_PATH"),
        ("two-auth.example", "/", False, "HTTP_FRONTEND_ROUTING_ONLY_WITH_AUTH"),
        ("zwei-auth.example", "/", False, "HTTP_FRONTEND_ROUTING_ONLY_WITH_AUTH"),
        ("two-path-auth.example", "/a", False, "HTTP_FRONTEND_ROUTING_ONLY_WITH_PATH_AND_AUTH"),
        ("zwei-path-auth.example", "/b", False, "HTTP_FRONTEND_ROUTING_ONLY_WITH_PATH_AND_AUTH"),
    ],
)
def test_a_route_with_auth_asks_for_it_in_the_part_of_its_kind(routes, host, path, secure, part):
    assert routes.part(host, path, secure=secure) == 401
    assert routes.part(host, path, secure=secure, headers=ANN) == part


@pytest.mark.parametrize(
    ("host", "secure", "own_path"),
    [
        ("path.example", True, "/secure"),
        ("two-path.example", False, "/b"),
        ("zwei-path.example", False, "/b"),
    ],
)
def test_the_condition_of_a_path_is_a_part(routes, host, secure, own_path):
    assert routes.ask(host, own_path, secure=secure)[0] == 200
    assert routes.ask(host, "/elsewhere", secure=secure)[0] == 503


def test_the_condition_of_a_host_is_a_part(routes):
    assert routes.part("www.two.example") == "HTTP_FRONTEND_ROUTING_ONLY"
    assert routes.part("www.plain.example") == 503


def test_a_redirect_is_a_part(routes):
    status, headers, _ = routes.ask("redirect.example", "/x?y")
    assert (status, headers["location"]) == (308, "https://redirect.example/x?y")
    assert routes.ask("redirect.example", secure=True)[0] == 200


@pytest.mark.parametrize("host", ["redirect-path.example", "www.redirect-path.example"])
@pytest.mark.parametrize(("path", "status"), [("/a", 307), ("/b", 307), ("/c", 503)])
def test_a_redirect_of_a_path_has_three_parts(routes, host, path, status):
    assert routes.ask(host, path)[0] == status


def test_who_is_in_no_group_of_ours_or_off_is_not_served(groups):
    for port, name in ((10001, "one"), (10004, "two"), (10005, "one")):
        assert groups.ask("any.example", port=port)[2].startswith(name)
    for port in (10002, 10003, 10006):
        with pytest.raises(ConnectionRefusedError):
            groups.ask("any.example", port=port)


def test_the_condition_of_a_network_is_a_part(networks):
    assert networks.ask("office.example")[0] == 200
    assert networks.ask("office.example", source=networks.namespace.OUTSIDE)[0] == 403


def test_a_check_on_the_server_line_is_a_part(networks):
    assert networks.ask("any.example", port=10002)[2].startswith("one")
    line = next(one for one in networks.haproxy.config.read_text().splitlines() if "id 25902 check" in one)
    assert line.endswith("check inter 1s fall 3 rise 1")


def test_what_the_operator_wrote_for_all(heads):
    status, headers, _ = heads.ask("root.example")
    assert (status, headers["location"]) == (302, "/start")
    assert heads.ask("root.example", "/start")[0] == 200
    assert heads.ask("office.example")[0] == 404
    with pytest.raises(ConnectionError):
        heads.ask("any.example", port=10003)
    answer = heads.ask("any.example", "/start", port=9091, headers={"X-Marathon-App-Id": "/root"})
    assert (answer[0], answer[1]["x-by"]) == (200, "app-id")
    assert heads.ask("any.example", "/_haproxy_health_check", port=9090)[0] == 200
    assert "retries 2\n" in heads.haproxy.config.read_text()


def test_what_the_operator_wrote_for_tls_per_vhost(grouped):
    status, headers, body = grouped.ask("two.example", secure=True)
    assert (status, headers["x-vhost"], body.split()[0]) == (200, "two_example", "two")
    how = {"port": 443, "tls": Tls("www.one.example")}  # the part takes this server name, too
    assert grouped.namespace.ask(headers={"Host": "one.example"}, **how)[1]["x-vhost"] == "one_example"
