from __future__ import annotations

import pytest

from appliance.haproxy.model import Mode
from appliance.services.labels import service_labels
from appliance.services.model import Quarantined, Service
from appliance.services.policy import Owner, Policy, allowed

SHOP = Owner(("/shop",), ("shop.example", "*.shop.example"), ((10000, 10099),))


def judged(policy, app_id="/other", port=8000, **labels):
    named = {f"HAPROXY_0_{name}": value for name, value in labels.items()}
    service = Service(app_id, 0, port, Mode.HTTP, service_labels(labels, 0), None, ())
    (found,) = allowed(named, [service], policy)
    return found.reason if isinstance(found, Quarantined) else ""


def test_without_a_policy_everything_is_allowed():
    assert not judged(Policy(), VHOST="shop.example", BIND_OPTIONS="tfo", port=10000)


def test_a_denied_label_is_named_and_an_empty_one_is_none():
    policy = Policy(denied_labels=("BIND_*", "AUTH"))
    assert "HAPROXY_0_BIND_OPTIONS: the operator's policy denies" in judged(policy, BIND_OPTIONS="tfo")
    assert not judged(policy, BIND_OPTIONS="", VHOST="a.example")


def test_templates_are_denied_together_or_by_name():
    text = "  timeout server 1s\n"
    assert "HAPROXY_0_BACKEND_HEAD" in judged(Policy(denied_templates=("*",)), BACKEND_HEAD=text)
    assert not judged(Policy(denied_templates=("*",)), VHOST="a.example", BALANCE="leastconn")
    assert not judged(Policy(denied_templates=("FRONTEND_*",)), BACKEND_HEAD=text)


@pytest.mark.parametrize(
    "host", ["shop.example", "a.shop.example", "a.b.shop.example", "*.shop.example", "*.example"]
)
def test_a_vhost_belongs_to_its_owner(host):
    assert f"HAPROXY_0_VHOST: {host} belongs to /shop" in judged(Policy(owners=(SHOP,)), VHOST=host)
    assert not judged(Policy(owners=(SHOP,)), app_id="/shop/cart", VHOST=host)


def test_what_only_looks_alike_is_free():
    policy = Policy(owners=(SHOP,))
    assert not judged(policy, VHOST="workshop.example,shop.example.org")
    assert "belongs to /shop" in judged(policy, app_id="/shopping", VHOST="shop.example")


def test_a_name_of_ones_own_outweighs_anothers_wildcard():
    blog = Owner(("/blog",), ("blog.shop.example",))
    assert not judged(Policy(owners=(SHOP, blog)), app_id="/blog", VHOST="blog.shop.example")
    assert "belongs to /blog" in judged(
        Policy(owners=(SHOP, blog)), app_id="/shop", VHOST="blog.shop.example"
    )


@pytest.mark.parametrize(("port", "free"), [(9999, True), (10000, False), (10099, False), (10100, True)])
def test_a_port_belongs_to_its_owner(port, free):
    assert (judged(Policy(owners=(SHOP,)), port=port) == "") is free
    assert not judged(Policy(owners=(SHOP,)), port=port, app_id="/shop")
