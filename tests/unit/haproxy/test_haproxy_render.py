from __future__ import annotations

import re
from dataclasses import replace

import pytest

from appliance.errors import EngineError
from appliance.haproxy.model import (
    AppRoute,
    Backend,
    Check,
    CheckKind,
    Frontend,
    LoadBalancer,
    Mode,
    Process,
    Route,
    Server,
)
from appliance.haproxy.render import loaded_hash, own_hash, quoted, render

NODE = Process("/d", "/d/h.sock", "/d/lb.sock", 20000)


def backend(name="a_80", servers=(), **options):
    return Backend(name, Mode.HTTP, "roundrobin", tuple(servers), **options)


EMPTY = LoadBalancer()


def config(load_balancer=EMPTY, process=NODE):
    return render(load_balancer, process).config


def maxconn(text):
    return int(re.search(r"maxconn (\d+)", text)[1])


def test_the_configuration_names_its_own_hash():
    rendered = render(LoadBalancer(backends=(backend(),)), NODE)
    line = next(line for line in rendered.config.splitlines() if line.startswith("  description "))
    assert loaded_hash(line.partition("description ")[2]) == rendered.structure


def test_a_description_of_somebody_else_is_no_hash():
    assert loaded_hash("my haproxy") == ""
    assert loaded_hash("") == ""


def test_a_change_of_a_map_alone_is_another_configuration():
    one = render(LoadBalancer(routes=(Route("a.example", "", ("a_80",)),), backends=(backend(),)), NODE)
    two = render(LoadBalancer(routes=(Route("b.example", "", ("a_80",)),), backends=(backend(),)), NODE)
    assert one.hash != two.hash
    assert one.maps_folder != two.maps_folder
    assert one.maps_folder in one.config


def test_map_keys_are_lower_case_and_targets_carry_redirect_and_share():
    maps = render(
        LoadBalancer(
            routes=(
                Route("a.example", "", ("a_80", "b_80")),
                Route("a.example", "/x", ("a_80",)),
                Route("a.example", "/x/long", ("b_80",), redirect_to_https=True),
                Route("a.example", "/ANY", ("b_80",), ignore_case=True),
            ),
            app_routes=(AppRoute("/Group/App", "a_80"),),
        ),
        NODE,
    ).maps
    assert maps == {
        "domain2backend.map": "a.example a_80+b_80\n",
        "path2backend.map": "a.example/x/long https:b_80\na.example/x a_80\n",
        "anycase2backend.map": "a.example/any b_80\n",
        "app2backend.map": "/group/app a_80\n",
    }


def test_a_check_says_where_how_often_and_over_tls():
    check = Check(CheckKind.HTTPS, "/health me", interval_s=5, timeout_s=2, fall=3, port=9000)
    text = config(LoadBalancer(backends=(backend(servers=[Server("s", "10.0.0.9", 80, 7)], check=check),)))
    assert "  http-check send meth GET uri '/health me'\n" in text
    assert "  server s 10.0.0.9:80 id 7 check inter 5s fall 3 port 9000 check-ssl verify none\n" in text
    assert "  timeout check 2s\n" in text


def test_a_sticky_server_is_checked_even_without_a_health_check():
    text = config(LoadBalancer(backends=(backend(servers=[Server("s", "::1", 80, 7, "c0")], sticky=True),)))
    assert "  cookie mesosphere_server_id insert indirect nocache\n" in text
    assert "  server s [::1]:80 id 7 cookie c0 check\n" in text


def test_connections_follow_the_limit_of_open_files_and_not_each_server():
    servers = [Server(f"s{n}", "10.0.0.9", n, n) for n in range(1, 4)]
    check = Check(CheckKind.TCP, "", 5, 2, 3)
    few = config(LoadBalancer(backends=(backend(servers=servers[:1], check=check),)))
    more = config(LoadBalancer(backends=(backend(servers=servers, check=check),)))
    assert maxconn(few) == maxconn(more) == 9500
    assert maxconn(config(process=replace(NODE, file_descriptors=1_000_000))) == 50_000


def test_a_haproxy_whose_limits_are_not_known_finds_its_own():
    assert "maxconn" not in config(process=replace(NODE, file_descriptors=None))


def test_connections_take_at_most_half_of_the_memory():
    gigabyte = 1 << 30
    assert maxconn(config(process=replace(NODE, memory=64 * gigabyte))) == 9500
    assert maxconn(config(process=replace(NODE, memory=gigabyte // 2))) == 4000
    assert maxconn(config(process=replace(NODE, memory=1))) == 100


def test_threads_are_as_many_as_said_or_haproxys_own_choice():
    assert "  nbthread 3\n" in config(process=replace(NODE, threads=3))
    assert "nbthread" not in config()


def test_too_few_open_files_are_refused_with_the_number_needed():
    with pytest.raises(EngineError, match="may open 1024 files at once, but 500 are needed"):
        config(process=replace(NODE, file_descriptors=1024))


def test_user_group_and_certificates_stand_where_they_are_given():
    process = replace(NODE, user="haproxy", group="marathon-ha", certificates=("/a.pem", "/b.pem"))
    text = config(process=process)
    assert "  user haproxy\n  group marathon-ha\n" in text
    assert "mode 660 group marathon-ha level admin expose-fd listeners\n" in text
    assert "  bind *:443 ssl crt /a.pem crt /b.pem alpn h2,http/1.1\n" in text
    assert "user" not in config()


def test_without_a_certificate_nothing_listens_on_443():
    assert ":443" not in config()


def test_a_share_of_a_service_port_draws_among_ready_servers():
    text = config(LoadBalancer(frontends=(Frontend(10001, Mode.TCP, ("a_1", "b_1")),)))
    assert (
        "  mode tcp\n"
        "  tcp-request content set-var(txn.ready1) nbsrv(a_1)\n"
        "  tcp-request content set-var(txn.ready2) nbsrv(b_1),add(txn.ready1)\n"
        "  tcp-request content set-var(txn.draw) rand,mod(txn.ready2)\n"
        "  use_backend a_1 if { var(txn.draw),sub(txn.ready1) lt 0 }\n"
        "  use_backend b_1\n"
    ) in text


@pytest.mark.parametrize(
    ("text", "word"),
    [("/a?b=c", "/a?b=c"), ("/a b", "'/a b'"), ("it's", "'it'\\''s'"), ("$x #y", "'$x #y'"), ("", "''")],
)
def test_any_text_can_be_one_word(text, word):
    assert quoted(text) == word


def test_a_line_break_can_be_no_word():
    with pytest.raises(ValueError, match="control character"):
        quoted("a\nuse_backend b")


def test_a_file_that_somebody_changed_has_no_hash():
    rendered = render(EMPTY, NODE)
    assert own_hash(rendered.config) == rendered.hash
    assert own_hash(rendered.config.replace("retries 3", "retries 4")) == ""
    assert own_hash("") == own_hash("global\n  description mine\n") == ""
