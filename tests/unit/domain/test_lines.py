"""The records as they are copied."""

from __future__ import annotations

from appliance.domain import lines
from appliance.domain.model import Target

TARGET = Target("shop.example.com", ("10.77.0.250", "2001:db8::250"))


def test_each_kind_names_every_vip_and_where_it_can_the_names_below():
    assert lines.lines("zone", TARGET) == (
        "shop.example.com. 300 IN A 10.77.0.250",
        "shop.example.com. 300 IN AAAA 2001:db8::250",
        "*.shop.example.com. 300 IN A 10.77.0.250",
        "*.shop.example.com. 300 IN AAAA 2001:db8::250",
    )
    assert lines.lines("hosts", TARGET) == (
        "10.77.0.250 shop.example.com",
        "2001:db8::250 shop.example.com",
    )
    assert lines.lines("dnsmasq", TARGET) == (
        "local=/shop.example.com/",
        "address=/shop.example.com/10.77.0.250",
        "address=/shop.example.com/2001:db8::250",
    )


def test_nsupdate_replaces_the_addresses_and_no_other_record():
    assert lines.lines("nsupdate", Target("a.example", ("10.0.0.9",)), "10.0.0.1") == (
        "server 10.0.0.1",
        "update delete a.example. A",
        "update delete a.example. AAAA",
        "update delete *.a.example. A",
        "update delete *.a.example. AAAA",
        "update add a.example. 300 A 10.0.0.9",
        "update add *.a.example. 300 A 10.0.0.9",
        "send",
    )


def test_the_vip_is_tried_without_any_record():
    assert lines.without_dns(TARGET) == (
        "curl --resolve shop.example.com:80:10.77.0.250 http://shop.example.com/"
    )
    six = Target("a.example", ("2001:db8::250",))
    assert lines.without_dns(six) == "curl --resolve a.example:80:[2001:db8::250] http://a.example/"
