"""Apps become what HAProxy serves; what two apps claim is shared; one bad app is left out alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.haproxy.model import PROBE_HOST, AppRoute, Check, CheckKind, Frontend, Mode, Route
from appliance.marathon import wire
from appliance.marathon.model import App, Cluster, Endpoint, HealthCheck, Port, Task, Unreadable
from appliance.services.model import Quarantined
from appliance.services.translate import Selection, translate

EXTERNAL = Selection(groups=("external",))
HTTP_CHECK = HealthCheck("HTTP", "/", 0, None, 60, 20, 3)


def app(app_id="/web", labels=None, ports=(10000,), tasks=("10.0.0.7:31001",), checks=(HTTP_CHECK,), **more):
    """An app of the group `external`; a task is host:port or a whole record."""
    return App(
        id=app_id,
        labels={"HAPROXY_GROUP": "external", **(labels or {})},
        ports=tuple(port if isinstance(port, Port) else Port(port) for port in ports),
        health_checks=checks,
        tasks=tuple(task if isinstance(task, Task) else task_at(task, len(ports)) for task in tasks),
        **more,
    )


def task_at(place, ports=1, state="TASK_RUNNING", alive=()):
    host, _, port = place.rpartition(":")
    return Task(place, tuple(Endpoint(host, int(port) + n) for n in range(ports)), state, alive)


def served(*apps, selection=EXTERNAL, addresses=None):
    return translate(Cluster(apps), selection, addresses or {})


def only_backend(*apps, **how):
    (backend,) = served(*apps, **how).load_balancer.backends
    return backend


def reasons(*apps, **how):
    return [entry.reason for entry in served(*apps, **how).quarantined]


# --- the deployment tutorial ----------------------------------------------------------------------
def tutorial_app(app_id, *places):
    return {
        "id": app_id,
        "labels": {"HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": "nginx.marathon.mesos"},
        "healthChecks": [{"path": "/", "protocol": "HTTP", "portIndex": 0}],
        "container": {
            "type": "DOCKER",
            "docker": {
                "network": "BRIDGE",
                "portMappings": [{"containerPort": 80, "hostPort": 0, "servicePort": 80, "protocol": "tcp"}],
            },
        },
        "tasks": [
            {"id": f"{app_id}.{port}", "host": host, "ports": [port], "state": "TASK_RUNNING"}
            for host, port in places
        ],
    }


def tutorial():
    return wire.apps(
        {
            "apps": [
                tutorial_app("/nginx2", ("182.48.115.239", 31380), ("182.48.115.237", 31667)),
                tutorial_app("/nginx", ("182.48.115.237", 31277), ("182.48.115.237", 31022)),
            ]
        }
    )


def test_the_tutorials_apps_share_the_vhost_and_port_80():
    translation = translate(tutorial(), EXTERNAL, {})
    balancer = translation.load_balancer
    assert [
        (backend.name, [(server.name, server.id) for server in backend.servers])
        for backend in balancer.backends
    ] == [
        ("nginx_80", [("182_48_115_237_31022", 1450), ("182_48_115_237_31277", 26272)]),
        ("nginx2_80", [("182_48_115_237_31667", 24982), ("182_48_115_239_31380", 32343)]),
    ]
    for backend in balancer.backends:
        assert (backend.mode, backend.balance, backend.sticky) == (Mode.HTTP, "roundrobin", False)
        assert backend.check == Check(CheckKind.HTTP, "/", interval_s=60, timeout_s=20, fall=4)
    assert balancer.routes == (Route("nginx.marathon.mesos", "", ("nginx_80", "nginx2_80")),)
    assert balancer.default_http_backends == ("nginx_80", "nginx2_80")
    assert (balancer.default_https_backends, balancer.frontends) == ((), ())
    assert balancer.app_routes == (AppRoute("/nginx", "nginx_80"), AppRoute("/nginx2", "nginx2_80"))
    assert translation.quarantined == ()
    (notice,) = translation.notices
    assert notice.startswith("/nginx and /nginx2 share nginx.marathon.mesos, port 80: ")


def test_the_order_of_apps_and_tasks_does_not_matter():
    cluster = tutorial()
    turned = Cluster(tuple(replace(app, tasks=app.tasks[::-1]) for app in cluster.apps[::-1]))
    assert translate(turned, EXTERNAL, {}) == translate(cluster, EXTERNAL, {})


# --- which services -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("labels", "groups", "is_served"),
    [
        ({}, ("external",), True),
        ({"HAPROXY_GROUP": "internal, external"}, ("external",), True),
        ({"HAPROXY_GROUP": "External"}, ("external",), False),
        ({"HAPROXY_GROUP": "*"}, ("external",), False),
        ({"HAPROXY_GROUP": ""}, ("external",), False),
        ({"HAPROXY_GROUP": ""}, ("*",), True),
        ({"HAPROXY_GROUP": "a,b"}, ("a,b",), False),
        ({"HAPROXY_0_GROUP": "internal"}, ("external",), False),
        ({"HAPROXY_0_GROUP": "external", "HAPROXY_GROUP": "x"}, ("external",), True),
        ({"HAPROXY_0_GROUP": ""}, ("external",), True),
        ({"HAPROXY_0_ENABLED": "false"}, ("external",), False),
        ({"HAPROXY_0_ENABLED": "1"}, ("external",), False),
        ({"HAPROXY_0_ENABLED": "YES"}, ("external",), True),
    ],
)
def test_groups_and_the_enabled_label_choose(labels, groups, is_served):
    balancer = served(app(labels=labels), selection=Selection(groups)).load_balancer
    assert bool(balancer.backends) == is_served


def test_strict_mode_serves_only_what_says_so():
    strict = Selection(("external",), strict_mode=True)
    assert not served(app(), selection=strict).load_balancer.backends
    assert served(app(labels={"HAPROXY_0_ENABLED": "t"}), selection=strict).load_balancer.backends


def test_a_port_without_a_service_port_is_no_service_but_keeps_its_index():
    web = app(ports=(Port(None), Port(10001)), labels={"HAPROXY_1_VHOST": "a.example"})
    assert only_backend(web).servers[0].port == 31002


def test_service_port_0_is_still_reached_by_vhost():
    translation = served(app(ports=(0,), labels={"HAPROXY_0_VHOST": "a.example"}))
    assert translation.load_balancer.routes == (Route("a.example", "", ("web_0",)),)
    assert (translation.load_balancer.frontends, translation.notices) == ((), ())
    assert "no service port and no vhost" in served(app(ports=(0,))).notices[0]


def test_one_number_for_tcp_and_udp_is_the_tcp_service():
    assert only_backend(app(ports=(Port(53, "udp"), Port(53, "tcp")))).servers[0].port == 31002
    assert only_backend(app(ports=(Port(53, "udp"),))).servers[0].port == 31001


# --- mode and checks ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("protocol", "labels", "mode", "kind"),
    [
        ("HTTP", {}, Mode.HTTP, CheckKind.HTTP),
        ("MESOS_HTTP", {}, Mode.HTTP, CheckKind.HTTP),
        ("HTTPS", {}, Mode.HTTP, CheckKind.HTTPS),
        ("MESOS_HTTPS", {}, Mode.HTTP, CheckKind.HTTPS),
        ("TCP", {}, Mode.TCP, CheckKind.TCP),
        ("MESOS_TCP", {"HAPROXY_0_VHOST": "a.example"}, Mode.HTTP, CheckKind.TCP),
        ("HTTP", {"HAPROXY_0_MODE": "TCP"}, Mode.TCP, CheckKind.TCP),
        ("HTTPS", {"HAPROXY_0_MODE": "tcp"}, Mode.TCP, CheckKind.TCP),
        ("TCP", {"HAPROXY_0_MODE": "http"}, Mode.HTTP, CheckKind.TCP),
    ],
)
def test_mode_and_check_follow_label_check_and_vhost(protocol, labels, mode, kind):
    backend = only_backend(app(labels=labels, checks=(replace(HTTP_CHECK, protocol=protocol),)))
    assert (backend.mode, backend.check.kind) == (mode, kind)


@pytest.mark.parametrize("checks", [(), (HealthCheck("COMMAND", "/", None, None, 1, 1, 1),)])
def test_without_a_check_of_its_own_a_service_is_tcp_and_unchecked(checks):
    backend = only_backend(app(checks=checks))
    assert (backend.mode, backend.check) == (Mode.TCP, None)


def test_a_service_has_the_first_check_that_names_it_or_any_port():
    checks = (replace(HTTP_CHECK, port_index=1, path="/one"), replace(HTTP_CHECK, port_index=None, port=8080))
    first, second = served(app(ports=(10000, 10001), checks=checks)).load_balancer.backends
    assert (first.check.path, first.check.port) == ("/", 8080)
    assert (second.check.path, second.check.port) == ("/one", None)


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/health?deep=1&x=a%20b", "/health?deep=1&x=a%20b"),
        ("health", "/health"),
        ("/a b\nserver evil 1.2.3.4:80", "/a%20b%0Aserver%20evil%201.2.3.4:80"),
        ("/ä\"'{}\\#\ud800", "/%C3%A4%22%27%7B%7D%5C%23?"),
    ],
)
def test_a_checks_path_is_sent_as_a_url(path, sent):
    assert only_backend(app(checks=(replace(HTTP_CHECK, path=path),))).check.path == sent


def test_a_checks_figures_stay_within_what_haproxy_takes():
    check = replace(HTTP_CHECK, interval_s=0, timeout_s=10**9, max_consecutive_failures=0)
    assert only_backend(app(checks=(check,))).check == Check(CheckKind.HTTP, "/", 1, 86_400, 1)
    assert "health check's port 99999" in reasons(app(checks=(replace(HTTP_CHECK, port=99999),)))[0]
    assert "longer than" in reasons(app(checks=(replace(HTTP_CHECK, path="/" * 2000),)))[0]


# --- the pool -------------------------------------------------------------------------------------
def test_a_service_without_a_ready_task_keeps_its_route():
    translation = served(app(labels={"HAPROXY_0_VHOST": "a.example"}, tasks=()))
    assert translation.load_balancer.routes[0].backends == ("web_10000",)
    assert translation.load_balancer.frontends == (Frontend(10000, Mode.HTTP, ("web_10000",)),)
    assert translation.load_balancer.backends[0].servers == ()


@pytest.mark.parametrize(
    ("state", "serves"),
    [
        ("TASK_RUNNING", True),
        ("TASK_UNREACHABLE", True),
        ("TASK_LOST", True),
        (None, True),
        ("TASK_STAGING", False),
        ("TASK_STARTING", False),
        ("TASK_KILLING", False),
        ("TASK_KILLED", False),
        ("TASK_FAILED", False),
        ("TASK_GONE_BY_OPERATOR", False),
        ("TASK_UNKNOWN", False),
    ],
)
def test_a_tasks_state_decides_whether_it_serves(state, serves):
    assert bool(only_backend(app(tasks=[task_at("10.0.0.7:1", state=state)])).servers) == serves


@pytest.mark.parametrize(
    ("alive", "checks", "serves"),
    [
        ((True,), (HTTP_CHECK,), True),
        ((False, True), (HTTP_CHECK,), True),
        ((False,), (HTTP_CHECK,), False),
        ((), (HTTP_CHECK,), False),
        ((), (), True),
    ],
)
def test_with_health_check_only_tasks_found_alive_serve(alive, checks, serves):
    web = app(tasks=[task_at("10.0.0.7:1", alive=alive)], checks=checks)
    selection = Selection(("external",), health_check=True)
    assert bool(only_backend(web, selection=selection).servers) == serves
    assert only_backend(web).servers


def test_servers_are_ordered_by_host_as_text_and_listed_once():
    tasks = ["10.0.0.9:2", "10.0.0.10:9", "10.0.0.10:10", Task("again", (Endpoint("10.0.0.9", 2),), None, ())]
    servers = only_backend(app(tasks=tasks)).servers
    assert [(server.address, server.port) for server in servers] == [
        ("10.0.0.10", 9),
        ("10.0.0.10", 10),
        ("10.0.0.9", 2),
    ]


def test_a_host_name_stands_in_the_servers_name_and_its_address_in_the_server():
    tasks = ["agent-1.x:1024", "agent-2.x:1", "[fd00::2]:80"]
    servers = served(app(tasks=tasks), addresses={"agent-1.x": "1.1.1.1"})
    names = [(server.name, server.address) for server in servers.load_balancer.backends[0].servers]
    assert names == [("_fd00__2__fd00__2_80", "fd00::2"), ("agent-1_x_1_1_1_1_1024", "1.1.1.1")]
    assert servers.notices == ("host name 'agent-2.x' does not resolve; its tasks are left out",)


def test_an_address_cannot_carry_text_into_the_configuration():
    assert only_backend(app(tasks=["fe80::1%x\n server evil:80"])).servers == ()
    assert only_backend(app(tasks=["agent:80"]), addresses={"agent": "1.2.3.4\nx"}).servers == ()


def test_sticky_servers_have_marathon_lbs_cookie():
    backend = only_backend(app(labels={"HAPROXY_0_STICKY": "true"}))
    assert (backend.sticky, len(backend.servers[0].cookie)) == (True, 10)


# --- routes ---------------------------------------------------------------------------------------
def test_the_longest_path_comes_first():
    translation = served(
        app("/a", {"HAPROXY_0_VHOST": "x.example", "HAPROXY_0_PATH": "/api"}, (1001,)),
        app("/b", {"HAPROXY_0_VHOST": "X.example.", "HAPROXY_0_PATH": "/api/v2 /o"}, (1002,)),
        app("/c", {"HAPROXY_0_VHOST": "x.example"}, (1003,)),
    )
    assert [(route.path, route.backends) for route in translation.load_balancer.routes] == [
        ("/api/v2", ("b_1002",)),
        ("/api", ("a_1001",)),
        ("/o", ("b_1002",)),
        ("", ("c_1003",)),
    ]
    assert translation.notices == ()


def test_a_path_may_ignore_case():
    translation = served(app(labels={"HAPROXY_0_VHOST": "x.example", "HAPROXY_0_PATH": "-i /A /b"}))
    routes = translation.load_balancer.routes
    assert [(route.path, route.ignore_case) for route in routes] == [("/a", True), ("/b", True)]


def test_a_shared_route_redirects_if_any_member_asks():
    vhost = {"HAPROXY_0_VHOST": "x.example"}
    asking = app("/a", {**vhost, "HAPROXY_0_REDIRECT_TO_HTTPS": "true"}, (1001,))
    (route,) = served(asking, app("/b", vhost, (1002,))).load_balancer.routes
    assert route == Route("x.example", "", ("a_1001", "b_1002"), redirect_to_https=True)


def test_two_apps_on_one_service_port_share_it():
    translation = served(app("/a", ports=(10004,)), app("/b", ports=(9,), labels={"HAPROXY_0_PORT": "10004"}))
    assert translation.load_balancer.frontends == (Frontend(10004, Mode.HTTP, ("a_10004", "b_10004")),)
    assert translation.notices[0].startswith("/a and /b share port 10004: ")


def test_a_notice_about_many_names_ten():
    path = "/" + "p" * 500
    labels = {"HAPROXY_0_VHOST": "x.example", "HAPROXY_0_PATH": path}
    (notice,) = served(*(app(f"/a{n:03}", labels, (1000 + n,)) for n in range(100))).notices
    assert notice.startswith("/a000, /a001, /a002, ")
    assert "/a008 and 91 more share x.example/ppp" in notice
    assert len(notice) < 400


def test_two_ports_of_one_app_on_one_service_port_are_two_services_that_share_it():
    translation = served(app(ports=(10004, 10004), checks=()))
    first, second = translation.load_balancer.backends
    assert first.name == "web_10004"
    assert second.name.startswith("web_10004_")
    assert [server.port for server in first.servers + second.servers] == [31001, 31002]
    assert any(
        notice.startswith("/web (port 0) and /web (port 1) share port 10004")
        for notice in translation.notices
    )


def test_colliding_names_get_a_stable_suffix_and_a_notice():
    apps = app("/a/b", ports=(80,)), app("/a_b", ports=(80,))
    first, second = served(*apps).load_balancer.backends
    assert first.name == "a_b_80"
    assert second.name.startswith("a_b_80_")
    assert second.name == served(*apps[::-1]).load_balancer.backends[1].name
    assert any("/a_b: backend a_b_80 is another service's" in notice for notice in served(*apps).notices)


def test_ports_80_and_443_take_what_no_vhost_matched():
    translation = served(app("/a", ports=(80,), checks=()), app("/b", ports=(443,)))
    balancer = translation.load_balancer
    assert (balancer.default_http_backends, balancer.default_https_backends) == (("a_80",), ("b_443",))
    assert (balancer.frontends, balancer.backends[0].mode) == ((), Mode.HTTP)


def test_an_app_is_reached_by_id_through_its_first_http_service():
    web = app("/Web", ports=(10003, 10002, 10001), labels={"HAPROXY_2_MODE": "tcp", "HAPROXY_1_VHOST": "a"})
    assert served(web).load_balancer.app_routes == (AppRoute("/web", "Web_10002"),)


# --- quarantine and notices -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("labels", "ports", "reason"),
    [
        ({"HAPROXY_0_PORT": "9090"}, (1,), "service port 9090 of port 0 is the appliance's own"),
        ({}, (9091,), "service port 9091 of port 0 is the appliance's own"),
        ({}, (9099,), "service port 9099 of port 0 is the appliance's own"),
        ({}, (70000,), "service port 70000 of port 0 is not within"),
        ({}, (-1,), "service port -1 of port 0 is not within"),
        ({"HAPROXY_0_PORT": "0"}, (1,), "HAPROXY_0_PORT: '0' is not a port"),
        ({"HAPROXY_0_MODE": "udp"}, (1,), "HAPROXY_0_MODE: 'udp' is not a mode"),
        ({"HAPROXY_0_MODE": "tcp"}, (80,), "HAPROXY_0_MODE: port 80 serves http"),
        ({"HAPROXY_0_MODE": "tcp", "HAPROXY_0_VHOST": "a"}, (1,), "HAPROXY_0_VHOST: a vhost needs mode http"),
        ({"HAPROXY_0_VHOST": PROBE_HOST}, (1,), "is the appliance's own"),
        ({"HAPROXY_0_AUTH": "r:u:p"}, (1,), "HAPROXY_0_AUTH: its password is in no crypt(3) form"),
        (
            {"HAPROXY_0_AUTH": "r:u:$1$abcdefgh$ijklmnop", "HAPROXY_0_MODE": "tcp"},
            (1,),
            "HAPROXY_0_AUTH: a password can only be asked for in mode http",
        ),
        (
            {"HAPROXY_0_VHOST": "*.x", "HAPROXY_0_MODE": "tcp"},
            (1,),
            "HAPROXY_0_VHOST: a vhost needs mode http",
        ),
        (
            {"HAPROXY_0_BACKEND_NETWORK_ALLOWED_ACL": "10.0.0.0/8 all"},
            (1,),
            "HAPROXY_0_BACKEND_NETWORK_ALLOWED_ACL: 'all' is not a network",
        ),
        ({"HAPROXY_0_GROUP": "external\n"}, (1,), "HAPROXY_0_GROUP: holds the control character U+000A"),
    ],
)
def test_a_bad_app_is_quarantined_alone(labels, ports, reason):
    good = app("/good", ports=(10000,))
    translation = served(app("/bad", labels, ports), good)
    assert [entry.app_id for entry in translation.quarantined] == ["/bad"]
    assert reason in translation.quarantined[0].reason
    assert translation.load_balancer == served(good).load_balancer


def test_a_bad_service_leaves_the_others_of_its_app():
    web = app(ports=(10000, 10001), labels={"HAPROXY_0_BALANCE": "fastest"})
    translation = served(web)
    assert [backend.name for backend in translation.load_balancer.backends] == ["web_10001"]
    assert "HAPROXY_0_BALANCE" in translation.quarantined[0].reason


def test_bad_labels_of_an_app_that_is_not_ours_are_nobodys_business():
    assert (
        reasons(app(labels={"HAPROXY_GROUP": "internal", "HAPROXY_0_PORT": "x", "HAPROXY_0_AUTH": "x"})) == []
    )


def test_a_port_speaks_one_mode_that_of_the_first_app():
    tcp = app("/b", ports=(10004,), labels={"HAPROXY_0_MODE": "tcp"})
    translation = served(app("/a", ports=(10004,)), tcp)
    assert [backend.name for backend in translation.load_balancer.backends] == ["a_10004"]
    (entry,) = translation.quarantined
    assert entry.app_id == "/b"
    assert "service port 10004 of port 0 is mode tcp here, but http for /a" in entry.reason


def test_what_could_not_be_read_is_reported():
    cluster = Cluster(
        (app(),),
        (
            Unreadable("/bad", "apps['/bad'].labels", "is no object"),
            Unreadable("/web", "apps['/web'].tasks['t']", "is no object", app_stands=True),
        ),
    )
    translation = translate(cluster, EXTERNAL, {})
    assert translation.quarantined == (Quarantined("/bad", "apps['/bad'].labels is no object"),)
    assert translation.notices == ("apps['/web'].tasks['t'] is no object; left out",)


@pytest.mark.parametrize(
    ("labels", "notice"),
    [
        ({"HAPROXY_0_PATH": "/a"}, "/web: HAPROXY_0_PATH: has no effect without HAPROXY_0_VHOST"),
        (
            {"HAPROXY_0_REDIRECT_TO_HTTPS": "true"},
            "/web: HAPROXY_0_REDIRECT_TO_HTTPS: has no effect without HAPROXY_0_VHOST",
        ),
        (
            {"HAPROXY_0_MODE": "tcp", "HAPROXY_0_USE_HSTS": "true"},
            "/web: HAPROXY_0_USE_HSTS: has no effect in mode tcp",
        ),
        (
            {"HAPROXY_0_MODE": "tcp", "HAPROXY_0_STICKY": "y"},
            "/web: HAPROXY_0_STICKY: has no effect in mode tcp",
        ),
        (
            {"HAPROXY_0_MODE": "tcp", "HAPROXY_0_BALANCE": "uri"},
            "/web: HAPROXY_0_BALANCE: uri needs mode http",
        ),
    ],
)
def test_a_label_without_effect_is_noticed(labels, notice):
    translation = served(app(labels=labels))
    assert [text[: len(notice)] for text in translation.notices] == [notice]
    assert translation.quarantined == ()
    assert not translation.load_balancer.backends[0].sticky
    assert translation.load_balancer.backends[0].balance == "roundrobin"
