"""Who carries something that cannot be used keeps what was served last, with the servers of now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.haproxy.operator_texts import built_in
from appliance.marathon.model import App, Cluster, Endpoint, Port, Task, Unreadable
from appliance.services.last_good import KEPT
from appliance.services.model import Ask, Conflict, Selection, Texts
from appliance.services.translate import LastGood, translate

EXTERNAL = Selection(("external",), texts=Texts(built_in()))
AUTH = "realm:user:$1$abcdefgh$ijklmnopqrstuvwxyz0123"


def task(place):
    host, _, port = place.rpartition(":")
    return Task(place, (Endpoint(host, int(port)), Endpoint(host, int(port) + 1)), "TASK_RUNNING", ())


def app(app_id="/web", tasks=("10.0.0.1:31000",), ports=(10000, 10001), group="external", **labels):
    return App(
        id=app_id,
        labels={"HAPROXY_GROUP": group, **{f"HAPROXY_{name}": value for name, value in labels.items()}},
        ports=tuple(Port(port) for port in ports),
        health_checks=(),
        tasks=tuple(map(task, tasks)),
    )


def passes(*clusters, selection=EXTERNAL, refused=(), ask=None):
    """The outcome of the last of several passes, all of which HAProxy takes."""
    found = None
    for entry in clusters:
        cluster = entry if isinstance(entry, Cluster) else Cluster((entry,))
        services = {service.key: service for _, service in found.services} if found else {}
        known = LastGood(services, frozenset(refused) if services else frozenset())
        found = translate(cluster, selection, {}, None, ask or Ask(), last_good=known)
    return found


def places(found, name="web_10000"):
    backends = {backend.name: backend for backend in found.load_balancer.backends}
    return [(server.address, server.port) for server in backends[name].servers]


BAD = [
    {"0_VHOST": "a b"},
    {"0_PORT": "70000"},
    {"0_MODE": "sctp"},
    {"0_AUTH": "nobody"},
    {"0_BACKEND_NETWORK_ALLOWED_ACL": "everywhere"},
    {"0_BACKEND_WEIGHT": "much"},
    {"0_PATH": "/a\nuse_backend x"},
    {"0_BACKEND_HEAD": "frontend evil\n"},
    {"0_HTTP_FRONTEND_ACL": "  use_backend {x}\n"},
    {"0_PORT": "9090"},
    {"GROUP": "external\n"},
    {"DEPLOYMENT_GROUP": "a b"},
]


@pytest.mark.parametrize("bad", BAD)
def test_whatever_cannot_be_used_changes_nothing_but_is_told(bad):
    good = app(**{"0_VHOST": "a.example"})
    before = passes(good)
    broken = replace(good, labels={**good.labels, **{f"HAPROXY_{k}": v for k, v in bad.items()}})
    after = passes(good, broken)
    assert after.load_balancer == before.load_balancer
    assert after.quarantined
    assert all(entry.reason.endswith(KEPT) for entry in after.quarantined)
    assert not passes(broken).load_balancer.routes
    assert passes(good, broken, broken).load_balancer == before.load_balancer
    assert not passes(good, broken, good).quarantined


def test_the_servers_are_those_of_now():
    bad = app(tasks=("10.0.0.2:31500",), **{"0_VHOST": "a b"})
    assert places(passes(app(), bad)) == [("10.0.0.2", 31500)]


def test_without_tasks_it_goes_and_does_not_return():
    bad = app(**{"0_MODE": "sctp"})
    gone = passes(app(), replace(bad, tasks=()))
    assert [service.index for _, service in gone.services] == [1]
    assert KEPT not in gone.quarantined[0].reason
    assert [service.index for _, service in passes(app(), replace(bad, tasks=()), bad).services] == [1]


@pytest.mark.parametrize("labels", [{"group": "internal"}, {"0_ENABLED": "false", "1_ENABLED": "false"}])
def test_who_is_not_meant_any_more_is_gone_whatever_else_is_wrong(labels):
    assert not passes(app(), app(**{"0_MODE": "sctp", **labels})).services
    assert not passes(app(), app(**labels), app(**{"0_MODE": "sctp", "1_MODE": "sctp"})).services


def test_a_deleted_app_is_gone():
    assert not passes(app(), app(**{"0_MODE": "sctp"}), Cluster()).services


@pytest.mark.parametrize(
    ("protected", "broken"),
    [
        ({"0_AUTH": AUTH}, {"0_AUTH": "user"}),
        ({"0_BACKEND_NETWORK_ALLOWED_ACL": "10.0.0.0/8"}, {"0_BACKEND_NETWORK_ALLOWED_ACL": "10.0.0.0/99"}),
        ({"0_AUTH": AUTH}, {"0_VHOST": "a b"}),
    ],
)
def test_protection_that_became_invalid_stays_as_it_was(protected, broken):
    vhost = {"0_VHOST": "a.example"}
    before, after = (
        passes(app(**vhost, **protected)),
        passes(app(**vhost, **protected), app(**{**vhost, **broken})),
    )
    assert after.load_balancer == before.load_balancer
    (service,) = [service for _, service in after.services if service.index == 0]
    assert service.labels.auth or service.labels.networks


def test_ports_that_changed_places_never_put_one_behind_the_name_of_another():
    """Port 0 was for everybody; in the new definition it is the other one."""
    turned = app(ports=(10001, 10000), **{"0_MODE": "sctp", "1_MODE": "sctp"})
    assert places(passes(app(), turned)) == [("10.0.0.1", 31000)]
    moved = app(ports=(10001, 10000), tasks=("10.0.0.2:31500",), **{"0_MODE": "sctp", "1_MODE": "sctp"})
    assert not passes(app(), moved).services


def test_an_unreadable_app_keeps_its_last_servers_until_it_is_gone():
    unreadable = Cluster((), (Unreadable("/web", "apps['/web'].labels", "is no object"),))
    before, after = passes(app()), passes(app(), unreadable, unreadable)
    assert after.load_balancer == before.load_balancer
    assert [entry.reason for entry in after.quarantined] == [f"apps['/web'].labels is no object{KEPT}"]
    assert not passes(app(), unreadable, Cluster()).services
    assert not passes(unreadable).services


def test_an_unreadable_app_does_not_share_a_port_that_was_only_lent_to_it():
    def with_addresses(app_id):
        return replace(app(app_id, ports=()), ports=(Port(0, task_port=8080),))

    one = Selection(("external",), assigned_ports=(10050, 10050), texts=Texts(built_in()))
    first = with_addresses("/web")
    taken = Cluster((with_addresses("/z"),), (Unreadable("/web", "apps['/web'].labels", "is no object"),))
    found = passes(first, taken, selection=one).load_balancer
    assert [(frontend.port, frontend.backends) for frontend in found.frontends] == [(10050, ("z_10050",))]


def test_a_deployment_group_that_cannot_be_merged_stays_as_it_was():
    group = {"DEPLOYMENT_GROUP": "shop", "DEPLOYMENT_STARTED_AT": "2024-01-01T00:00:00"}
    blue = app("/blue", ("10.0.0.1:31000",), **group)
    green = app("/green", ("10.0.0.2:31000",), **{**group, "DEPLOYMENT_STARTED_AT": "2024-01-02T00:00:00"})
    wrong = replace(green, labels={**green.labels, "HAPROXY_DEPLOYMENT_STARTED_AT": "yesterday"})
    before = passes(Cluster((blue, green)))
    after = passes(Cluster((blue, green)), Cluster((blue, wrong)))
    assert after.load_balancer == before.load_balancer
    assert {entry.app_id for entry in after.quarantined if entry.reason.endswith(KEPT)} == {"/blue", "/green"}
    assert not passes(Cluster((blue, green)), Cluster()).services


def test_who_moves_onto_another_ones_route_stays_where_it_was():
    reject = replace(EXTERNAL, conflict=Conflict.REJECT)
    owner = app("/a", ports=(10010,), **{"0_VHOST": "a.example"})
    other = app("/b", ports=(10020,), **{"0_VHOST": "b.example"})
    thief = app("/b", ports=(10020,), **{"0_VHOST": "a.example"})
    before = passes(Cluster((owner, other)), selection=reject)
    after = passes(Cluster((owner, other)), Cluster((owner, thief)), selection=reject)
    assert after.load_balancer == before.load_balancer
    assert after.quarantined[0].reason.endswith(KEPT)


def test_what_haproxy_refuses_is_replaced_by_what_it_took():
    changed = app(**{"0_VHOST": "b.example"})
    before = passes(app(**{"0_VHOST": "a.example"}))
    after = passes(app(**{"0_VHOST": "a.example"}), changed, refused=[("/web", 0)])
    assert after.load_balancer == before.load_balancer
    assert after.kept == {("/web", 0)}
    unknown = passes(Cluster(()), changed, refused=[("/web", 0)])
    assert not unknown.kept


def test_a_certificate_that_cannot_be_had_leaves_the_old_one_in_use():
    lost = {"/new.pem"}
    ask = Ask(certificate_fault=lambda path: "No such file" if path in lost else "")
    good, bad = app(**{"0_SSL_CERT": "/old.pem"}), app(**{"0_SSL_CERT": "/new.pem"})
    before, after = passes(good, ask=ask), passes(good, bad, ask=ask)
    assert after.load_balancer == before.load_balancer
    assert after.quarantined[0].reason.endswith(KEPT)
    lost.add("/old.pem")
    closed = passes(good, bad, ask=ask)
    assert 10000 not in {frontend.port for frontend in closed.load_balancer.frontends}
