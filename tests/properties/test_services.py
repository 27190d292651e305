"""What holds for every label text and every set of apps."""

from __future__ import annotations

import unicodedata
from dataclasses import fields, is_dataclass, replace
from enum import Enum

from hypothesis import given
from hypothesis import strategies as st

from appliance.haproxy.catalogue import LABEL_TEMPLATES
from appliance.haproxy.model import OWN_BACKENDS, Process
from appliance.haproxy.operator_texts import built_in
from appliance.haproxy.render import render
from appliance.marathon.model import App, Cluster, Endpoint, HealthCheck, Port, Task
from appliance.services import label_catalogue
from appliance.services.labels import LabelError, groups, service_labels
from appliance.services.model import Texts
from appliance.services.translate import LastGood, Selection, translate

EVERYTHING = Selection(("*",))
NODE = Process("/d", "/d/h.sock", "/d/lb.sock", certificates=("/d/c.pem",))
VALUES = tuple(one.name.removeprefix("HAPROXY_{n}_") for one in label_catalogue.LABELS if "{n}" in one.name)
DEPLOYMENT = ("GROUP", "STARTED_AT", "NEW_INSTANCES", "TARGET_INSTANCES")
LABELS = (*VALUES, *sorted(LABEL_TEMPLATES))
EVERY_TEXT = Texts(built_in())

any_text = st.text(st.characters(), max_size=40)  # surrogates and control characters included
plausible = st.sampled_from(
    ["", "a.example", "A.example.,b", "*.x", "/a", "-i /A /b", "/a /a/b", "80", "10004", "9090", "99999"]
) | st.sampled_from(
    [
        *("http", "tcp", "source", "uri len 3", "true", "external", "1", "-2", "127.0.0.1", "10.0.0.0/8 ::1"),
        *("/etc/ssl/a.pem", "ssl crt /a", "accept-proxy", "r:u:$1$abcdefgh$ijklmnop", "2024-01-01T00:00:00"),
        *(
            "  use_backend {backend}",
            "  acl x path /\n  http-request deny if x",
            "  check {healthCheckFalls}",
        ),
        *(
            "backend {backend}\n  mode {mode}",
            "frontend {backend}\n  bind :1",
            "  server {serverName} 1.1.1.1",
        ),
        *(
            "userlist user_{backend}\n  user a password b",
            "{",
            "{x}",
            "{{}}",
            "  backend evil",
            "  rspadd X:\\ y",
        ),
    ]
)
hostile = st.builds(
    "{}{}{}".format, plausible, st.sampled_from(["\n", "\r\n", "\0", "\u2028", " #", "'", '"']), any_text
)
values = st.one_of(any_text, plausible, hostile)
labels = st.dictionaries(
    st.one_of(
        st.builds("HAPROXY_{}{}".format, st.sampled_from(["0_", "1_", ""]), st.sampled_from(LABELS)),
        st.builds("HAPROXY_0_{}".format, st.sampled_from(VALUES)),
        st.builds("HAPROXY_DEPLOYMENT_{}".format, st.sampled_from(DEPLOYMENT)),
    ),
    values,
    max_size=6,
)
hosts = st.sampled_from(["10.0.0.1", "10.0.0.2", "agent-1", "nowhere", "fd00::1", "a\nb"])
endpoints = st.one_of(st.none(), st.builds(Endpoint, hosts, st.integers(1, 65535)))
tasks = st.builds(
    Task,
    id=st.text("abc", min_size=1, max_size=3),
    endpoints=st.lists(endpoints, max_size=3).map(tuple),
    state=st.sampled_from([None, "TASK_RUNNING", "TASK_KILLED"]),
    alive=st.lists(st.booleans(), max_size=2).map(tuple),
)
checks = st.builds(
    HealthCheck,
    protocol=st.sampled_from(["HTTP", "MESOS_TCP", "HTTPS", "COMMAND", "?"]),
    path=st.one_of(st.just("/"), any_text),
    port_index=st.sampled_from([None, 0, 1]),
    port=st.sampled_from([None, None, 8080, -5]),
    interval_s=st.integers(-1, 10**12),
    timeout_s=st.integers(-1, 10**12),
    max_consecutive_failures=st.integers(-1, 10**12),
)


def apps_named(ids):
    return st.builds(
        App,
        id=ids,
        labels=labels,
        ports=st.lists(
            st.builds(Port, st.sampled_from([None, 0, 80, 443, 10004, 10005, 9090])), max_size=3
        ).map(tuple),
        health_checks=st.lists(checks, max_size=2).map(tuple),
        tasks=st.lists(tasks, max_size=3, unique_by=lambda task: task.id).map(tuple),
    )


app_ids = st.sampled_from(["/a", "/b", "/a/b", "/a_b", "/A", "/c.d"])
clusters = st.lists(apps_named(app_ids), max_size=4, unique_by=lambda app: app.id).map(
    lambda apps: Cluster(tuple(apps))
)
ADDRESSES = {"agent-1": "10.0.0.3"}


def texts(value):
    """Every text anywhere inside a record."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from texts(item)
    elif is_dataclass(value) and not isinstance(value, Enum):
        for item in fields(value):
            yield from texts(getattr(value, item.name))


@given(st.sampled_from(LABELS), values)
def test_any_text_in_any_label_is_a_value_or_a_label_error(label, value):
    try:
        service_labels({label: value}, 0)
        groups({f"HAPROXY_0_{label}": value}, 0)
    except LabelError as error:
        refusal = error
    else:
        return
    assert refusal.label == f"HAPROXY_0_{label}"
    assert str(refusal).isprintable()


@given(clusters, st.data())
def test_removing_an_app_leaves_every_line_of_the_others(cluster, data):
    """Sections of one service are made of its own labels and tasks alone, whatever stands beside them."""
    if not cluster.apps:
        return
    kept = data.draw(st.sampled_from(cluster.apps))
    everything = Selection(("*",), texts=EVERY_TEXT)
    together = sections(translate(cluster, everything, ADDRESSES).load_balancer)
    alone = sections(translate(Cluster((kept,)), everything, ADDRESSES).load_balancer)
    for heading in together.keys() & alone.keys():
        if heading.startswith("backend ") and not shared_name(heading, cluster, kept):
            assert together[heading] == alone[heading]


@given(clusters)
def test_no_line_opens_a_section_that_is_not_ours(cluster):
    balancer = translate(cluster, Selection(("*",), texts=EVERY_TEXT), ADDRESSES).load_balancer
    names = {backend.name for backend in balancer.backends}
    for heading in sections(balancer):
        kind, _, name = heading.partition(" ")
        if kind == "backend":
            assert name in names | set(OWN_BACKENDS)
        elif kind == "userlist":
            assert name.removeprefix("user_") in names
        else:
            assert kind in {"global", "defaults", "listen", "frontend"}
            assert kind != "frontend" or name.startswith(("marathon_http", "port:"))


def sections(balancer):
    """Heading -> lines, as HAProxy reads them."""
    found = {}
    for line in render(balancer, NODE).config.split("\n"):
        assert line.isprintable() or "\t" in line or not line.isascii()
        if line and not line[0].isspace() and not line.startswith("#"):
            assert line not in found
            found[line] = lines = []
        elif line.strip() and found and not line.startswith("#"):
            lines.append(line)
    return found


def shared_name(heading, cluster, kept):
    """Whether another app may have, or once had, the name of this backend; or shares its deployment."""
    stem = heading.partition(" ")[2].rpartition("_")[0]
    others = [app for app in cluster.apps if app != kept]
    grouped = any(app.labels.get("HAPROXY_DEPLOYMENT_GROUP") for app in cluster.apps)
    return grouped or any(app.id[1:].replace("/", "_") in heading or stem.endswith("_") for app in others)


@given(clusters)
def test_no_control_character_or_line_break_reaches_what_is_served_or_reported(cluster):
    plain = [
        replace(app, labels={k: v for k, v in app.labels.items() if not k.endswith(tuple(LABEL_TEMPLATES))})
        for app in cluster.apps
    ]
    found = translate(Cluster(tuple(plain)), EVERYTHING, ADDRESSES)
    for text in texts((found.load_balancer, found.quarantined, found.notices)):
        assert len(text.splitlines()) <= 1
        assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text)


@given(clusters)
def test_names_are_one_safe_word_and_unique(cluster):
    balancer = translate(cluster, EVERYTHING, ADDRESSES).load_balancer
    names = [backend.name for backend in balancer.backends]
    assert len(set(names)) == len(names)
    for backend in balancer.backends:
        servers = [server.name for server in backend.servers]
        assert len(set(servers)) == len(servers) == len({server.id for server in backend.servers})
    used = [*balancer.default_http_backends, *balancer.default_https_backends]
    used += [name for route in balancer.routes for name in route.backends]
    used += [name for frontend in balancer.frontends for name in frontend.backends]
    assert set(used) | {route.backend for route in balancer.app_routes} <= set(names)
    keys = [(route.host, route.path, route.ignore_case) for route in balancer.routes]
    assert len(set(keys)) == len(keys)
    for word in (*names, *(route.host + route.path for route in balancer.routes)):
        assert word.isascii()
        assert not set(word) & set(" \"'\\#{}$")


@given(clusters, st.randoms(use_true_random=False))
def test_the_order_of_apps_and_tasks_does_not_matter(cluster, random):
    apps = [replace(app, tasks=tuple(random.sample(app.tasks, len(app.tasks)))) for app in cluster.apps]
    random.shuffle(apps)
    assert translate(Cluster(tuple(apps)), EVERYTHING, ADDRESSES) == translate(cluster, EVERYTHING, ADDRESSES)


@given(clusters, st.data())
def test_removing_an_app_changes_no_other_apps_backends_or_routes(cluster, data):
    if not cluster.apps:
        return
    if any(app.labels.get("HAPROXY_DEPLOYMENT_GROUP") for app in cluster.apps):
        return  # those are one app, and may have another's name
    gone = data.draw(st.sampled_from(cluster.apps))
    before = translate(cluster, EVERYTHING, ADDRESSES)
    after = translate(Cluster(tuple(app for app in cluster.apps if app != gone)), EVERYTHING, ADDRESSES)
    alone = translate(Cluster((gone,)), EVERYTHING, ADDRESSES)
    # Names and modes of a port may pass to the next app: those are shared things.
    claimed = {name.rpartition("_")[0] for name in (backend.name for backend in alone.load_balancer.backends)}
    ports = {backend.name.rpartition("_")[2] for backend in alone.load_balancer.backends}
    kept = {backend.name: backend for backend in after.load_balancer.backends}
    for name, backend in kept.items():
        stem, _, port = name.rpartition("_")
        if stem not in claimed and port not in ports and not stem.startswith("a_b"):
            assert backend in before.load_balancer.backends
    lost = {backend.name for backend in before.load_balancer.backends} - set(kept)
    routes = {(route.host, route.path, route.ignore_case): route for route in after.load_balancer.routes}
    for route in before.load_balancer.routes:
        others = tuple(name for name in route.backends if name not in lost)
        if others and not lost & set(route.backends):
            assert routes[route.host, route.path, route.ignore_case] == route


UNUSABLE = {
    "MODE": "sctp",
    "AUTH": "nobody",
    "VHOST": "a b",
    "PORT": "70000",
    "BACKEND_HEAD": "frontend evil",
    "HTTP_FRONTEND_ACL": "{x",
}


@given(clusters, st.data())
def test_an_unusable_label_leaves_everybody_where_he_was(cluster, data):
    """Its own app too, as long as it has tasks."""
    everything = Selection(("*",), texts=EVERY_TEXT)
    before = translate(cluster, everything, ADDRESSES)
    with_tasks = [app for app in cluster.apps if app.tasks]
    if not with_tasks:
        return
    victim = data.draw(st.sampled_from(with_tasks))
    label = data.draw(st.sampled_from(sorted(UNUSABLE)))
    broken = replace(victim, labels={**victim.labels, f"HAPROXY_0_{label}": UNUSABLE[label]})
    apps = tuple(broken if app is victim else app for app in cluster.apps)
    known = LastGood({service.key: service for _, service in before.services})
    after = translate(Cluster(apps), everything, ADDRESSES, last_good=known)
    if label == "HTTP_FRONTEND_ACL" and not after.kept:
        return  # a part that nothing of this app is made of: never looked at
    assert after.load_balancer == before.load_balancer
