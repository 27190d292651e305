"""What clients get for apps with given labels: Marathon's records in, requests through a real HAProxy."""

from __future__ import annotations

import base64
import shutil
import socket
import ssl
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from netns import Namespace
from real_haproxy import Haproxy

from appliance.haproxy import certificates
from appliance.haproxy.isolation import Isolation
from appliance.haproxy.operator_texts import built_in
from appliance.marathon.model import App, Cluster, Endpoint, HealthCheck, Port, Task
from appliance.services.model import Ask, Selection, Texts
from appliance.services.translate import translate

CRYPTED = "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"
AUTH = f'The "shop" staff:ann:{CRYPTED}'
PLAIN_AUTH = f"Staff only:ann:{CRYPTED}"
ANN = {"Authorization": "Basic " + base64.b64encode(b"ann:password").decode()}
BOB = {"Authorization": "Basic " + base64.b64encode(b"ann:wrong").decode()}
CHECK = HealthCheck("HTTP", "/", 0, None, 1, 1, 0)


def trusting(_path=""):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


TLS = trusting()


def app(app_id, port, labels, *server_ports, checks=(), more_ports=(), **more):
    tasks = tuple(
        Task(
            f"t{number}",
            (Endpoint("127.0.0.1", number), *(Endpoint("127.0.0.1", p) for p in more_ports)),
            "TASK_RUNNING",
            (True,),
        )
        for number in server_ports
    )
    named = {
        name if name.startswith("HAPROXY") else f"HAPROXY_0_{name}": text for name, text in labels.items()
    }
    return App(app_id, named, (Port(port), *(Port(p + 1) for p in more_ports)), checks, tasks, **more)


APPS = (
    app("/auth", 10001, {"VHOST": "auth.example", "AUTH": AUTH}, 31001),
    app("/auth-redirect", 10002, {"VHOST": "ar.example", "AUTH": AUTH, "REDIRECT_TO_HTTPS": "true"}, 31001),
    app(
        "/office",
        10003,
        {"VHOST": "office.example", "BACKEND_NETWORK_ALLOWED_ACL": "127.0.0.0/8 fd00::/8"},
        31001,
    ),
    app("/office-tcp", 10004, {"BACKEND_NETWORK_ALLOWED_ACL": "127.0.0.1"}, 31001),
    app(
        "/proxypass",
        10005,
        {"VHOST": "pass.example,x.example", "PATH": "/sh.p", "HTTP_BACKEND_PROXYPASS_PATH": "/sh.p"},
        31001,
    ),
    app(
        "/revproxy", 10006, {"VHOST": "rev.example,y.example", "HTTP_BACKEND_REVPROXY_PATH": "/new%20"}, 31001
    ),
    app("/redir", 10007, {"VHOST": "redir.example,r.example", "HTTP_BACKEND_REDIR": "/start"}, 31001),
    app("/hsts", 10008, {"VHOST": "hsts.example", "USE_HSTS": "true"}, 31001),
    app("/front", 10010, {"VHOST": "w.example", "BACKEND_WEIGHT": "5"}, 31001),
    app("/api", 10011, {"VHOST": "w.example", "PATH": "/api"}, 31002),
    app("/admin", 10012, {"VHOST": "w.example", "PATH": "/admin", "BACKEND_WEIGHT": "9"}, 31003),
    app("/loser", 10013, {"VHOST": "auth.example", "BACKEND_WEIGHT": "-1"}, 31003),
    app("/wild", 10014, {"VHOST": "*.wild.example"}, 31001),
    app("/wild-api", 10015, {"VHOST": "*.wild.example", "PATH": "/api"}, 31002),
    app("/wilder", 10016, {"VHOST": "*.example"}, 31003),
    app("/exact", 10017, {"VHOST": "exact.wild.example", "PATH": "/exact"}, 31004),
    app("/wild-https", 10018, {"VHOST": "*.secure.example", "REDIRECT_TO_HTTPS": "true"}, 31001),
    app("/local", 10019, {"BIND_ADDR": "127.0.0.1", "MODE": "http"}, 31001),
    app("/tls", 10020, {"SSL_CERT": "CERT", "MODE": "http", "VHOST": "tls.example"}, 31001),
    app(
        "/down",
        10021,
        {"VHOST": "down.example", "BACKEND_HEALTHCHECK_PORT_INDEX": "1"},
        31001,
        checks=(CHECK,),
        more_ports=(31999,),
    ),
    app("/https-check", 10022, {"VHOST": "hc.example"}, 31001, checks=(replace(CHECK, protocol="HTTPS"),)),
    app("/source", 10023, {"VHOST": "source.example", "BALANCE": "source"}, 31001, 31002, 31003),
    app("/sticky", 10024, {"VHOST": "sticky.example", "STICKY": "true"}, 31001, 31002, 31003),
    app("/moved", 10025, {"PORT": "10026", "MODE": "http"}, 31001),
    # --- parts of their own ---
    app(
        "/own",
        10030,
        {
            "VHOST": "own.example",
            "HTTP_FRONTEND_ACL": "  acl host_{cleanedUpHostname} hdr(host) -i {hostname}\n"
            "  acl wanted_{backend} req.hdr(x-wanted) yes\n"
            "  use_backend {backend} if host_{cleanedUpHostname} wanted_{backend}",
        },
        31001,
    ),
    app("/own-api", 10031, {"VHOST": "own.example", "PATH": "/api"}, 31002),
    app(
        "/own-auth",
        10032,
        {
            "VHOST": "oa.example,ob.example",
            "AUTH": PLAIN_AUTH,
            "HTTP_FRONTEND_ROUTING_ONLY_WITH_AUTH": "\n"
            "  acl auth_{cleanedUpHostname} http_auth(user_{backend})\n"
            '  http-request auth realm "{realm}" if host_{cleanedUpHostname} !auth_{cleanedUpHostname} '
            "!{{ path_beg /open }}\n  use_backend {backend} if host_{cleanedUpHostname}\n",
        },
        31001,
    ),
    app(
        "/own-server",
        10033,
        {
            "VHOST": "os.example",
            "BACKEND_SERVER_OPTIONS": "  server {serverName} {host_ipv4}:{port} id {serverId} weight 7",
            "BACKEND_HEAD": "backend {backend}\n  mode {mode}\n  balance {balance}\n"
            "  http-response set-header X-Head own\n",
        },
        31001,
    ),
    app(
        "/old-words",
        10034,
        {
            "VHOST": "old.example",
            "BACKEND_HTTP_OPTIONS": "  reqadd X-Old:\\ one\\ two\n"
            "  rspadd X-Answer:\\ 100%\n  reqidel ^X-Gone:.*",
            "HTTP_BACKEND_PROXYPASS_PATH": "/p",
            "HTTP_BACKEND_PROXYPASS_GLUE": "  http-request set-header Host {hostname}\n"
            '  reqirep "^([^ :]*)\\ {proxypath}/?(.*)" "\\1\\ /\\2"\n',
        },
        31001,
    ),
    app(
        "/by-id",
        10035,
        {"MODE": "http", "HTTP_FRONTEND_APPID_ACL": "  use_backend {backend} if {{ hdr(x-id) 7 }}"},
        31001,
    ),
    app(
        "/glue",
        10036,
        {
            "MODE": "http",
            "FRONTEND_BACKEND_GLUE": "  http-request deny deny_status 410 if {{ path /tea }}\n"
            "  use_backend {backend}",
        },
        31001,
    ),
    app(
        "/a-clash",
        10037,
        {
            "VHOST": "clash.example",
            "HTTP_FRONTEND_ACL": "  acl wanted_own_10030 always_true\n"
            "  use_backend {backend} if wanted_own_10030 {{ hdr(host) -i {hostname} }}\n",
        },
        31004,
    ),
    # --- a deployment group ---
    app(
        "/shop-blue",
        10040,
        {
            "HAPROXY_DEPLOYMENT_GROUP": "shop",
            "PORT": "10040",
            "VHOST": "shop.example",
            "HAPROXY_DEPLOYMENT_STARTED_AT": "2024-01-01T10:00:00",
        },
        31001,
        31002,
        checks=(CHECK,),
        instances=2,
    ),
    app(
        "/shop-green",
        10041,
        {
            "HAPROXY_DEPLOYMENT_GROUP": "shop",
            "PORT": "10040",
            "HAPROXY_DEPLOYMENT_STARTED_AT": "2024-01-02T10:00:00",
            "HAPROXY_DEPLOYMENT_TARGET_INSTANCES": "2",
            "HAPROXY_DEPLOYMENT_NEW_INSTANCES": "0",
        },
        31003,
        checks=(CHECK,),
        instances=1,
    ),
)
BAD = (
    app("/bad-part", 10050, {"VHOST": "own.example", "HTTP_FRONTEND_ACL": "  use_backend nobody"}, 31001),
    app(
        "/bad-section",
        10051,
        {"BACKEND_HTTP_OPTIONS": "  option forwardfor\nbackend evil\n", "MODE": "http"},
        31001,
    ),
    app("/bad-word", 10052, {"BACKEND_HTTP_OPTIONS": "  reqrep a b\n", "MODE": "http"}, 31001),
    app("/bad-name", 10053, {"BACKEND_HEAD": "backend evil\n"}, 31001),
    app(
        "/bad-brace",
        10054,
        {"VHOST": "brace.example", "HTTP_FRONTEND_ACL": "  use_backend {backend.__class__}\n"},
        31001,
    ),
    app("/bad-cert", 10055, {"SSL_CERT": "/nowhere.pem", "VHOST": "bc.example"}, 31001),
)
NAMES = {31001: "one", 31002: "two", 31003: "three", 31004: "four"}


class Lb:
    """A HAProxy that serves apps, and what translation said about them."""

    def __init__(self, apps, **process):
        self.namespace = Namespace()
        self.haproxy = Haproxy(self.namespace)
        self.haproxy.process = replace(self.haproxy.process, **process)
        self.certificate = self.haproxy.process.certificates[0]
        apps = tuple(
            replace(
                one,
                labels={
                    key: value.replace("CERT", self.certificate) if key.endswith("SSL_CERT") else value
                    for key, value in one.labels.items()
                },
            )
            for one in apps
        )
        for port, name in NAMES.items():
            self.namespace.serve(port, f"{name} {port}")
        self.store = certificates.Certificates()
        self.translation = translate(
            Cluster(apps),
            Selection(("*",), texts=Texts(built_in())),
            {},
            ask=Ask(lambda path: self.store.usable(path) or "", Isolation(lambda: self.haproxy.process)),
        )
        self.haproxy.start(self.translation.load_balancer)

    def close(self):
        self.haproxy.close()
        self.namespace.close()

    def ask(self, host="any.invalid", path="/", port=80, *, headers=None, **how):
        return self.namespace.ask(port, path, headers={"Host": host, **(headers or {})}, **how)

    def who(self, *args, **how):
        status, _, body = self.ask(*args, **how)
        return body.split()[0] if status == 200 else status


@pytest.fixture(scope="module")
def lb(root):  # noqa: ARG001 - asks for root
    made = Lb(APPS + BAD)
    try:
        yield made
    finally:
        made.close()


def test_only_the_bad_apps_are_left_out_and_each_knows_why(lb):
    reasons = {entry.app_id: entry.reason for entry in lb.translation.quarantined}
    assert set(reasons) == {one.id for one in BAD}
    assert "HTTP_FRONTEND_ACL: HAProxy refuses it: " in reasons["/bad-part"]
    assert "nobody" in reasons["/bad-part"]
    assert "would begin another section" in reasons["/bad-section"]
    assert "HAProxy removed 'reqrep'" in reasons["/bad-word"]
    assert "has to name bad-name_10053" in reasons["/bad-name"]
    assert "HAPROXY_0_HTTP_FRONTEND_ACL: a lone '{'" in reasons["/bad-brace"]
    assert "HAPROXY_0_SSL_CERT: /nowhere.pem: " in reasons["/bad-cert"]


def test_haproxy_takes_it_without_a_warning(lb):
    warnings = [line for line in lb.haproxy.log.read_text().splitlines() if "[WARNING]" in line]
    assert [line for line in warnings if " is DOWN" not in line] == []


@pytest.mark.parametrize(("host", "port"), [("auth.example", 80), ("any", 10001), ("any", 9091)])
def test_auth_is_asked_for_wherever_the_service_is_reached(lb, host, port):
    app_id = {"X-Marathon-App-Id": "/auth"}
    status, headers, _ = lb.ask(host, port=port, headers=app_id)
    assert (status, headers["www-authenticate"]) == (401, 'Basic realm="The \\"shop\\" staff"')
    assert lb.who(host, port=port, headers={**app_id, **BOB}) == 401
    assert lb.who(host, port=port, headers={**app_id, **ANN}) == "one"


def test_a_redirect_asks_for_no_password_and_tls_does(lb):
    assert lb.ask("ar.example")[0] == 301
    assert lb.who("ar.example", port=443, tls=TLS) == 401
    assert lb.who("ar.example", port=443, tls=TLS, headers=ANN) == "one"


def test_only_allowed_networks_reach_a_service(lb):
    outside = {"source": lb.namespace.OUTSIDE}
    assert lb.who("office.example") == "one"
    assert lb.who("office.example", **outside) == 403
    assert lb.who(port=10003, **outside) == 403
    assert lb.who(port=10004) == "one"
    with pytest.raises(ConnectionError):
        lb.ask(port=10004, **outside)


@pytest.mark.parametrize(
    ("path", "seen"),
    [("/sh.p/a/b?c=/sh.p", "/a/b?c=/sh.p"), ("/sh.p", "/"), ("/sh.px", "/x"), ("/shop/a", "three")],
)
def test_proxypass_takes_the_prefix_off_literally(lb, path, seen):
    status, _, body = lb.ask("x.example", path)
    assert status == 200
    assert (body.split()[2] if body.startswith("one") else body.split()[0]) == seen


def test_proxypass_sends_the_first_vhost(lb):
    assert "host: pass.example" in lb.ask("x.example", "/sh.p")[2].lower()


@pytest.mark.parametrize(
    ("location", "answered"),
    [
        ("/login", "/new%20"),
        ("http://rev.example/login", "/new%20"),
        ("https://Y.example:8443/a", "/new%20"),
        ("https://elsewhere.example/a", "https://elsewhere.example/a"),
        ("//elsewhere.example/a", "//elsewhere.example/a"),
    ],
)
def test_revproxy_replaces_a_location_of_its_own(lb, location, answered):
    assert lb.ask("rev.example", headers={"X-Location": location})[1]["location"] == answered


def test_redir_sends_the_root_of_any_vhost_elsewhere(lb):
    for host in ("redir.example", "r.example:80"):
        status, headers, _ = lb.ask(host, "/?q")
        assert (status, headers["location"]) == (301, "/start")
    assert lb.who("redir.example", "/start") == "one"
    assert lb.who(port=10007) == "one"


def test_hsts(lb):
    assert lb.ask("hsts.example")[1]["strict-transport-security"] == "max-age=15768000"
    assert "strict-transport-security" not in lb.ask("rev.example")[1]


def test_a_weight_outdoes_a_longer_path(lb):
    assert lb.who("w.example", "/admin") == "three"
    assert lb.who("w.example", "/api") == "one"
    assert lb.who("auth.example") == 401


@pytest.mark.parametrize(
    ("host", "path", "name"),
    [
        ("a.wild.example", "/", "one"),
        ("A.b.Wild.example:80", "/", "one"),
        ("a.wild.example", "/api", "two"),
        ("wild.example", "/api", "three"),
        ("exact.wild.example", "/exact", "four"),
        ("exact.wild.example", "/other", "one"),
        ("example", "/", 503),
    ],
)
def test_a_wildcard_takes_what_no_name_matches(lb, host, path, name):
    assert lb.who(host, path) == name
    assert lb.who(host, path, port=443, tls=TLS) == name


def test_a_wildcard_redirects_to_the_host_that_was_asked(lb):
    assert lb.ask("a.secure.example", "/x")[1]["location"] == "https://a.secure.example/x"


def test_a_service_port_may_be_bound_to_one_address_and_speak_tls(lb):
    assert lb.who(port=10019) == "one"
    assert lb.who(port=10020, tls=TLS) == "one"
    with pytest.raises(ConnectionError):  # its certificate cannot be had: closed, never in plain text
        lb.ask(port=10055)
    assert lb.who("bc.example") == "one"


def test_a_check_may_ask_another_port(lb):
    lb.haproxy.until(lambda: lb.who("down.example") == 503)


def test_an_https_check_speaks_tls(lb):
    lb.haproxy.until(lambda: lb.who("hc.example") == 503)  # its server does not


def test_a_client_stays_where_the_balance_or_its_cookie_says(lb):
    assert len({lb.who("source.example") for _ in range(9)}) == 1
    answers = [lb.ask("sticky.example") for _ in range(9)]
    assert {body.split()[0] for _, _, body in answers} == {"one", "two", "three"}
    _, headers, body = answers[0]
    cookie = {"Cookie": headers["set-cookie"].partition(";")[0]}
    assert cookie["Cookie"].startswith("mesosphere_server_id=")
    assert {lb.who("sticky.example", headers=cookie) for _ in range(9)} == {body.split()[0]}


def test_the_port_of_a_label_replaces_the_service_port(lb):
    assert lb.who(port=10026) == "one"
    with pytest.raises(ConnectionRefusedError):
        lb.ask(port=10025)


def test_own_rules_of_a_vhost(lb):
    assert lb.who("own.example", headers={"X-Wanted": "yes"}) == "one"
    assert lb.who("own.example") == "three"  # *.example takes what nobody else does
    assert lb.who("own.example", "/api/x", headers={"X-Wanted": "yes"}) == "two"
    assert lb.who("own.example", port=443, tls=TLS) == "one"


def test_a_condition_of_one_app_is_none_of_anothers(lb):
    assert lb.who("clash.example") == "four"
    assert lb.who("own.example") == "three"


def test_own_rules_about_auth_replace_ours_there_and_only_there(lb):
    assert lb.who("ob.example") == 401
    assert lb.who("oa.example", "/open") == "one"
    assert lb.who("oa.example", headers=ANN) == "one"
    assert lb.who(port=10032, path="/open") == 401
    assert lb.who("oa.example", "/open", port=443, tls=TLS) == 401


def test_own_backend_and_server_lines(lb):
    assert lb.ask("os.example")[1]["x-head"] == "own"
    rows = [line.split(",") for line in lb.ask(port=9090, path="/haproxy?stats;csv")[2].splitlines()]
    weight = rows[0].index("weight")
    assert [row[weight] for row in rows if row[:2] == ["own-server_10033", "127_0_0_1_31001"]] == ["7"]


def test_removed_directives_say_today_what_they_said_then(lb):
    status, headers, body = lb.ask("old.example", "/p/x", headers={"X-Gone": "yes"})
    assert (status, headers["x-answer"]) == (200, "100%")
    assert body.split()[2] == "/x"
    assert "x-old: one two" in body.lower()
    assert "x-gone" not in body.lower()


def test_own_rules_of_9091_and_of_a_service_port(lb):
    assert lb.who(port=9091, headers={"X-Id": "7"}) == "one"
    assert lb.who(port=9091, headers={"X-Marathon-App-Id": "/by-id"}) == 503
    assert lb.who(port=10036) == "one"
    assert lb.who(port=10036, path="/tea") == 410


def test_old_tasks_of_a_deployment_group_are_drained_as_new_ones_took_over(lb):
    rows = [line.split(",") for line in lb.ask(port=9090, path="/haproxy?stats;csv")[2].splitlines()]
    status = rows[0].index("status")
    servers = {row[1]: row[status] for row in rows if row[0] == "shop_10040" and row[1] != "BACKEND"}
    assert [name for name, word in servers.items() if word == "MAINT"] == ["127_0_0_1_31001"]
    assert sorted(servers) == [f"127_0_0_1_{port}" for port in (31001, 31002, 31003)]
    assert set(Counter(lb.who("shop.example") for _ in range(8))) == {"two", "three"}


# --- TLS per vhost ---------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def grouped(root):  # noqa: ARG001 - asks for root
    folder = Path(tempfile.mkdtemp(prefix="th-", dir="/tmp"))
    certificate, _ = certificates.self_signed(folder)
    apps = (
        app("/a", 10001, {"VHOST": "a.example"}, 31001),
        app("/a-api", 10002, {"VHOST": "a.example,b.example", "PATH": "/api"}, 31002),
        app(
            "/c",
            10003,
            {
                "VHOST": "c.example",
                "SSL_CERT": certificate,
                "BIND_OPTIONS": "ssl-min-ver TLSv1.3",
                "MODE": "http",
            },
            31003,
        ),
        app("/wild", 10004, {"VHOST": "*.example"}, 31004),
    )
    made = Lb(apps, group_https_by_vhost=True)
    made.own_certificate = certificate
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(folder)


def hello(lb, name, **versions):
    """The certificate that a client gets who asks for `name`."""
    context = trusting()
    for key, value in versions.items():
        setattr(context, key, value)

    def talk():
        with (
            socket.create_connection(("127.0.0.1", 443), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname=name) as connection,
        ):
            return ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True))

    return lb.namespace.connect(talk)


class Named:
    """Offers `name` in its hello, whatever it is asked for."""

    def __init__(self, name):
        self.name = name

    def wrap_socket(self, plain, **_):
        return trusting().wrap_socket(plain, server_hostname=self.name)


@pytest.mark.parametrize(
    ("name", "path", "answer"),
    [
        ("a.example", "/", "one"),
        ("A.example", "/api", "two"),
        ("b.example", "/api", "two"),
        ("b.example", "/", "four"),
        ("c.example", "/", "three"),
        ("d.example", "/", "four"),
    ],
)
def test_each_vhost_ends_its_own_tls(grouped, name, path, answer):
    assert grouped.who(name, path, port=443, tls=Named(name)) == answer
    assert (
        "x-forwarded-for: 127.0.0.1" in grouped.ask("a.example", port=443, tls=Named("a.example"))[2].lower()
    )


def test_a_request_for_another_vhost_on_the_connection_is_misdirected(grouped):
    assert grouped.who("c.example", port=443, tls=Named("a.example")) == 421
    assert grouped.who("c.example", port=443, tls=Named("unknown.invalid")) == "three"


def test_a_vhost_has_its_own_certificate_and_options(grouped):
    own = Path(grouped.own_certificate).read_text()
    assert hello(grouped, "c.example") in own
    assert hello(grouped, "a.example") not in own
    with pytest.raises(ssl.SSLError):
        hello(grouped, "c.example", maximum_version=ssl.TLSVersion.TLSv1_2)
    hello(grouped, "a.example", maximum_version=ssl.TLSVersion.TLSv1_2)
