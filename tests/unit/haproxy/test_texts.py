"""Texts of users: one section, plain values, today's words."""

from __future__ import annotations

import pytest

from appliance.haproxy.texts import (
    TextError,
    body,
    conditions,
    fill,
    in_order,
    normal,
    with_conditions_renamed,
)

ROUTE = {"cleanedUpHostname": "h_a", "hostname": "h", "appId": "/a", "backend": "a_1"}


def test_line_ends_are_plain_and_the_last_one_is_there():
    assert normal("a\r\nb") == "a\nb\n"
    assert normal("") == ""


@pytest.mark.parametrize("control", ["\0", "\r", "\x0b", "\x1b", "\x7f", "\u2028", "\ud800"])
def test_nothing_hides_in_a_text(control):
    with pytest.raises(TextError):
        normal(f"a{control}b")
    with pytest.raises(TextError, match="longer"):
        normal("x" * 70_000)


def test_placeholders_are_plain_names_and_doubled_braces_are_braces():
    text = "use_backend {backend} if {{ path /{{x}} }}\n"
    assert fill("HTTP_FRONTEND_ACL", text, ROUTE) == "use_backend a_1 if { path /{x} }\n"


def test_a_raw_part_is_copied():
    assert fill("BACKEND_HTTP_OPTIONS", "x if { ssl_fc }\n", {}) == "x if { ssl_fc }\n"


def test_a_health_check_is_read_by_key():
    values = {"healthCheck": {"path": "/x", "portIndex": 0}}
    assert (
        fill("BACKEND_HTTP_HEALTHCHECK_OPTIONS", "{healthCheck[path]} {healthCheck[portIndex]}", values)
        == "/x 0"
    )
    for text in ("{healthCheck[nothing]}", "{healthCheck}"):
        with pytest.raises(TextError, match="needs one of path, portIndex"):
            fill("BACKEND_HTTP_HEALTHCHECK_OPTIONS", text, values)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "}",
        "{}",
        "{0}",
        "{backend.__class__}",
        "{backend!r}",
        "{backend:>9}",
        "{backend[0]}",
        "{path}",
        "{passwd}",
    ],
)
def test_nothing_else_is_evaluated(text):
    with pytest.raises(TextError):
        fill("HTTP_FRONTEND_ACL", text, ROUTE)


@pytest.mark.parametrize(
    "text",
    [
        "backend evil\n",
        "  listen evil\n",
        "\tglobal\n",
        "  option x\n  frontend f\n",
        "  .if 1\n",
        "  ba\\ckend evil\n",
        "  'backend' evil\n",
        "  \\x62ackend evil\n",
        "  ${SECTION} evil\n",
        "  no backend evil\n",
        "  default frontend evil\n",
    ],
)
def test_a_text_cannot_leave_its_section(text):
    with pytest.raises(TextError):
        body("BACKEND_HTTP_OPTIONS", text)


def test_a_heading_names_its_own_section_and_is_taken_off():
    assert (
        body("BACKEND_HEAD", "\nbackend a_1\n  mode http\nbalance first\n", "a_1")
        == "  mode http\n  balance first\n"
    )
    for text in (
        "  mode http\n",
        "backend other\n",
        "frontend a_1\n",
        "backend a_1\nbackend a_1\n",
        "  mode http\nbackend a_1\n",
    ):
        with pytest.raises(TextError):
            body("BACKEND_HEAD", text, "a_1")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("reqadd X-A:\\ b\\ c if { ssl_fc }", "http-request add-header X-A 'b c' if { ssl_fc }"),
        ("rspadd  X-A:\\ 100%", "http-response add-header X-A '100%%'"),
        ('rspadd "X-A: b c"', "http-response add-header X-A 'b c'"),
        ("rspidel ^Server:.*", "http-response del-header Server"),
        ("reqdel X-A unless { ssl_fc }", "http-request del-header X-A unless { ssl_fc }"),
        ("block if { src 10.0.0.0/8 }", "http-request deny if { src 10.0.0.0/8 }"),
        (
            'reqirep "^([^ :]*)\\ /a.b/?(.*)" "\\1\\ /\\2"',
            "http-request replace-path '(?i)^/a\\.b/?(.*)$' '/\\1'",
        ),
        ("reqrep ^([^\\ :]*)\\ /a/?(.*) \\1\\ /new/\\2", "http-request replace-path '^/a/?(.*)$' '/new/\\1'"),
        ("reqirep ^Host:.* Host:\\ a.example", "http-request set-header Host a.example"),
        (
            'rspirep "^Location: (https?://h(:[0-9]+)?)?(/.*)" "Location:   /x if hdr_location"',
            "http-response replace-header Location '(?i)^(https?://h(:[0-9]+)?)?(/.*)' '/x'",
        ),
        ("http-request deny", "http-request deny"),
        ("# reqadd was here", "# reqadd was here"),
    ],
)
def test_a_removed_directive_is_translated_where_its_meaning_is_certain(old, new):
    assert body("BACKEND_HTTP_OPTIONS", f"  {old}\n").strip() == new


@pytest.mark.parametrize(
    ("old", "modern"),
    [
        ("reqirep a b", "write: http-request replace-header"),
        ("rspadd nothing", "write: http-response add-header"),
        ("rspadd X-A:\\ b c d", "write: http-response add-header"),
        ("reqadd X#A:\\ b", "write: http-request add-header"),
        ("rspdeny ^x", "write: http-response deny"),
        ("appsession x", "write: stick-table"),
        ("option forceclose", "write: option httpclose"),
        ("rspirep " + "\\" * 3000 + "x y", "write: http-response replace-header"),
        ("reqadd " + "\\a" * 3000 + "\\", "write: http-request add-header"),
    ],
)
def test_else_it_is_refused_with_the_modern_spelling(old, modern):
    with pytest.raises(TextError, match=modern):
        body("BACKEND_HTTP_OPTIONS", f"  {old}\n")


def test_lines_come_in_the_order_in_which_haproxy_evaluates_them():
    text = (
        "use_backend a if x\n# c\nhttp-request deny if x\ntcp-request content accept\n"
        "redirect prefix / if x\nacl x path /\n"
    )
    rules, uses = in_order(text)
    assert [line.split()[0] for line in rules] == ["acl", "tcp-request", "http-request", "redirect"]
    assert uses == ["use_backend a if x"]


def test_conditions_are_found_and_renamed_where_they_are_conditions():
    text = "  acl x path /x\n  acl x path /y\n  http-request set-header x x if x !x { path x }\n"
    assert conditions(text) == {"x": ("path /x", "path /y")}
    assert with_conditions_renamed(text, {"x": "x_1"}) == (
        "  acl x_1 path /x\n  acl x_1 path /y\n  http-request set-header x x if x_1 !x_1 { path x }\n"
    )
