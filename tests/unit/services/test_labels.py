"""Each label has its own grammar: a value that is safe to render, or an error that says what to write."""

from __future__ import annotations

import pytest

from appliance.haproxy.model import Auth, Mode
from appliance.services.labels import LabelError, by_index, service_labels

CRYPTED = "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq"


def read(label, value):
    return service_labels({label: value}, 0)


@pytest.mark.parametrize(
    ("label", "value", "field", "expected"),
    [
        ("VHOST", "", "vhosts", ()),
        ("VHOST", " A.Example. , b.example,,a.example", "vhosts", ("a.example", "b.example")),
        (
            "VHOST",
            "under_score.x,10.0.0.1,xn--mnchen-3ya.de",
            "vhosts",
            ("under_score.x", "10.0.0.1", "xn--mnchen-3ya.de"),
        ),
        ("VHOST", "*.a.example,b", "vhosts", ("b",)),
        ("VHOST", "*.a.example,b", "wildcards", ("*.a.example",)),
        ("PATH", "/a", "paths", ("/a",)),
        ("PATH", "  -i /A   /b /a ", "paths", ("/a", "/b")),
        ("PATH", "-i /A", "ignore_case", True),
        ("PATH", "/A", "ignore_case", False),
        ("PATH", "/a%20b/~c;d=e,f@g:h", "paths", ("/a%20b/~c;d=e,f@g:h",)),
        ("PORT", " 10004 ", "port", 10004),
        ("PORT", "", "port", None),
        ("MODE", "HTTP", "mode", Mode.HTTP),
        ("MODE", "tcp", "mode", Mode.TCP),
        ("STICKY", "True", "sticky", True),
        ("STICKY", "1", "sticky", False),
        ("STICKY", "on", "sticky", False),
        ("REDIRECT_TO_HTTPS", "y", "redirect_to_https", True),
        ("BALANCE", "", "balance", "roundrobin"),
        ("BALANCE", "leastconn", "balance", "leastconn"),
        ("BALANCE", "url_param  user_id   check_post", "balance", "url_param user_id check_post"),
        ("BALANCE", "uri whole len 12 depth 3", "balance", "uri whole len 12 depth 3"),
        ("BALANCE", "hdr(X-User) use_domain_only", "balance", "hdr(X-User) use_domain_only"),
        ("BALANCE", "rdp-cookie(mstshash)", "balance", "rdp-cookie(mstshash)"),
        ("BALANCE", "random(2)", "balance", "random(2)"),
        ("AUTH", f'a "b":ann:{CRYPTED}', "auth", Auth('a "b"', "ann", CRYPTED)),
        ("AUTH", "r:u:ab01FAX.bQRSU", "auth", Auth("r", "u", "ab01FAX.bQRSU")),
        ("AUTH", "", "auth", None),
        ("USE_HSTS", "yes", "hsts", True),
        ("SSL_CERT", " /etc/ssl/a.pem", "certificate", "/etc/ssl/a.pem"),
        ("BIND_ADDR", "*", "bind_address", "*"),
        ("BIND_ADDR", "[FD00::1]", "bind_address", "fd00::1"),
        ("BIND_OPTIONS", " ssl  alpn h2,http/1.1 ", "bind_options", "ssl alpn h2,http/1.1"),
        ("BIND_OPTIONS", "interface eth0 accept-proxy", "bind_options", "interface eth0 accept-proxy"),
        ("HTTP_BACKEND_PROXYPASS_PATH", "/a.b", "proxypass_path", "/a.b"),
        ("HTTP_BACKEND_REVPROXY_PATH", "/a", "revproxy_path", "/a"),
        (
            "HTTP_BACKEND_REDIR",
            "https://a.example:8443/x?y=%20",
            "redirect_root",
            "https://a.example:8443/x?y=%20",
        ),
        ("BACKEND_WEIGHT", "-3", "weight", -3),
        ("BACKEND_WEIGHT", "0", "weight", 0),
        ("BACKEND_WEIGHT", "", "weight", None),
        ("BACKEND_NETWORK_ALLOWED_ACL", "10.0.0.1/8 ::1  10.0.0.1/8", "networks", ("10.0.0.1/8", "::1")),
        ("BACKEND_HEALTHCHECK_PORT_INDEX", "1", "check_port_index", 1),
        ("HTTP_FRONTEND_ACL", "a\r\nb", "templates", (("HTTP_FRONTEND_ACL", "a\nb\n"),)),
        ("MAP_HTTP_FRONTEND_ACL", "a", "templates", ()),
        ("HTTP_BACKEND_ACL_ALLOW_DENY", "a", "templates", ()),
    ],
)
def test_a_good_value_is_read(label, value, field, expected):
    assert getattr(read(label, value), field) == expected


@pytest.mark.parametrize(
    ("label", "value", "reason"),
    [
        ("VHOST", "a b", "'a b' is not a host name"),
        ("VHOST", "a.example:8080", "leave out the port"),
        ("VHOST", "münchen.de", "write its xn-- form"),
        ("VHOST", "a..b", "is not a host name"),
        ("VHOST", "-a.b", "is not a host name"),
        ("VHOST", "a*.b", "is not a host name"),
        ("VHOST", "*", "is not a host name"),
        ("VHOST", "a" * 64, "is not a host name"),
        ("VHOST", ".".join(["a" * 60] * 5), "is not a host name"),
        ("VHOST", "x" * 65536, "…' is not a host name"),
        ("PATH", "a", "is not a path prefix"),
        ("PATH", "-i", "names no path"),
        ("PATH", "-m reg ^/a", "is not a path prefix"),
        ("PATH", "/a } unless {", "is not a path prefix"),
        ("PATH", "/a\\", "is not a path prefix"),
        ("PATH", "/a'b", "is not a path prefix"),
        ("PATH", '/a"b', "is not a path prefix"),
        ("PATH", "/a#b", "is not a path prefix"),
        ("PATH", "/a$b", "is not a path prefix"),
        ("PATH", "/" + "a" * 1024, "is not a path prefix"),
        ("PORT", "x", "1 to 65535"),
        ("PORT", "0", "1 to 65535"),
        ("PORT", "65536", "1 to 65535"),
        ("PORT", "١٢", "1 to 65535"),
        ("PORT", "1_0", "1 to 65535"),
        ("MODE", "https", "http and tcp"),
        ("BALANCE", "hash req.hdr(x)", "not a balance algorithm"),
        ("BALANCE", "roundrobin if TRUE", "not a balance algorithm"),
        ("BALANCE", "random(0)", "not a balance algorithm"),
        ("AUTH", "realm:user", "is not REALM:USER:CRYPTED"),
        ("AUTH", f":ann:{CRYPTED}", "is not REALM:USER:CRYPTED"),
        ("AUTH", f"r::{CRYPTED}", "is not REALM:USER:CRYPTED"),
        ("AUTH", "r:u:secret", "in no crypt"),
        ("AUTH", "r:u:$9$abc$defghijkl", "in no crypt"),
        ("SSL_CERT", "cert.pem", "not the absolute path"),
        ("SSL_CERT", "/a b.pem", "not the absolute path"),
        ("SSL_CERT", "/etc/../shadow", "not the absolute path"),
        ("BIND_ADDR", "eth0", "neither an IP address nor *"),
        ("BIND_ADDR", "10.0.0.1:80", "neither an IP address nor *"),
        ("BIND_ADDR", "fe80::1%eth0", "neither an IP address nor *"),
        ("BIND_OPTIONS", "uid 0", "'uid' is no option"),
        ("BIND_OPTIONS", "ssl crt", "'' is nothing that crt takes"),
        ("BIND_OPTIONS", "maxconn many", "'many' is nothing that maxconn takes"),
        ("BIND_OPTIONS", "crt-list /x", "'crt-list' is no option"),
        ("HTTP_BACKEND_PROXYPASS_PATH", "a", "is not a path"),
        ("HTTP_BACKEND_PROXYPASS_PATH", "/(.*)' x", "is not a path"),
        ("HTTP_BACKEND_REVPROXY_PATH", "http://x/", "is not a path"),
        ("HTTP_BACKEND_REDIR", "javascript:x", "is neither a path"),
        ("BACKEND_WEIGHT", "1.5", "is not a whole number"),
        ("BACKEND_WEIGHT", "9" * 5000, "is not a whole number"),
        ("BACKEND_NETWORK_ALLOWED_ACL", "10.0.0.0/33", "is not a network"),
        ("BACKEND_NETWORK_ALLOWED_ACL", "fe80::1%eth0", "names an interface"),
        ("BACKEND_NETWORK_ALLOWED_ACL", "a.example", "is not a network"),
        ("BACKEND_HEALTHCHECK_PORT_INDEX", "-1", "is not a whole number"),
        ("HTTP_FRONTEND_ACL", "a\0b", r"control character U+0000"),
    ],
)
def test_a_bad_value_is_refused_with_its_label_and_a_cure(label, value, reason):
    with pytest.raises(LabelError) as caught:
        read(label, value)
    assert caught.value.label == f"HAPROXY_0_{label}"
    assert reason in caught.value.reason


@pytest.mark.parametrize("label", ["VHOST", "PATH", "PORT", "MODE", "BALANCE", "STICKY", "REDIRECT_TO_HTTPS"])
@pytest.mark.parametrize("control", ["\n", "\r", "\0", "\t", "\x7f", "\x85", "\u2028", "\u200b", "\ud800"])
def test_control_characters_are_refused_in_every_label(label, control):
    with pytest.raises(LabelError, match=r"control character U\+"):
        read(label, f"/a{control}")


def test_labels_are_found_by_index_without_leading_zeros():
    labels = {"HAPROXY_0_A": "1", "HAPROXY_10_B": "2", "HAPROXY_01_C": "3", "HAPROXY_GROUP": "4", "x": "5"}
    assert by_index(labels) == {0: {"A": "1"}, 10: {"B": "2"}}
