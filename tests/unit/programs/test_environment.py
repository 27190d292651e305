from __future__ import annotations

import pytest

from appliance.errors import UsageError
from appliance.programs import environment


def test_certificates_are_files_in_their_order_and_need_the_first():
    names = ("HAPROXY_SSL_CERT", "HAPROXY_SSL_CERT0", "HAPROXY_SSL_CERT100", "HAPROXY_SSL_CERT101")
    told = environment.read(dict(zip(names, ("a\\nb", "c\n", "d", "e"))))
    assert told.certificates == (("cert.pem", "a\nb\n"), ("cert0.pem", "c\n"), ("cert100.pem", "d\n"))
    assert environment.read({"HAPROXY_SSL_CERT0": "c"}).certificates == ()


def test_credentials_need_both_halves():
    both = {"MARATHON_USER": "joe", "MARATHON_PASSWORD": "se:cret"}
    assert environment.read(both).credentials == "joe:se:cret"
    assert not environment.read({"MARATHON_USER": "joe"}).credentials


def test_default_options_are_trimmed_sorted_and_once():
    def of(text):
        return environment.default_options({"HAPROXY_GLOBAL_DEFAULT_OPTIONS": text})

    assert of(" redispatch, http-server-close ,,redispatch") == ("http-server-close", "redispatch")
    assert of("") is None
    with pytest.raises(UsageError, match="HAPROXY_GLOBAL_DEFAULT_OPTIONS"):
        of("redispatch;bind")


def test_an_option_never_holds_a_line_break():
    assert environment.default_options({"HAPROXY_GLOBAL_DEFAULT_OPTIONS": "a\nb"}) == ("a b",)
