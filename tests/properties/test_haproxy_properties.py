from __future__ import annotations

import shlex
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from appliance.haproxy.culprits import culprits, without
from appliance.haproxy.lines import Line, Pool
from appliance.haproxy.model import Backend, LoadBalancer, Mode, Process, Route, Server
from appliance.haproxy.plan import NoChange, Running, RuntimeUpdate, Wanted, plan
from appliance.haproxy.render import Memo, own_hash, quoted, render
from appliance.haproxy.states import State

NODE = Process("/d", "/d/h.sock", "/d/lb.sock")
NAMES = [f"b{n:02}_1" for n in range(24)]


def serving(names):
    return LoadBalancer(
        routes=tuple(Route(f"{name}.example", "", (name,)) for name in sorted(names)),
        backends=tuple(Backend(name, Mode.HTTP, "roundrobin", ()) for name in sorted(names)),
    )


@given(st.text())
def test_any_text_is_one_word_of_one_line_or_refused(text):
    try:
        word = quoted(text)
    except ValueError:
        return
    assert not set(word) & set("\n\r\0")
    assert shlex.split(word) == [text]  # single quotes and backslashes mean the same to HAProxy


@given(st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)))
def test_exactly_those_who_are_refused_go(names, bad):
    def check(load_balancer):
        found = {backend.name for backend in load_balancer.backends} & bad
        return f"no {sorted(found)}" if found else None

    found = culprits(serving(names), check)
    assert set(found) == names & bad
    assert without(serving(names), found) == serving(names - bad)


@given(st.lists(st.tuples(st.sets(st.sampled_from(NAMES[:4])), st.integers(0, 3)), min_size=1, max_size=6))
def test_what_was_rendered_before_saves_time_and_changes_nothing(steps):
    memo = Memo()
    for names, ports in steps:
        wanted = serving(names)
        servers = tuple(Server(f"s{n}", "10.0.0.1", n, n) for n in range(1, ports + 1))
        wanted = replace(wanted, backends=tuple(replace(one, servers=servers) for one in wanted.backends))
        again, anew = render(wanted, NODE, memo), render(wanted, NODE)
        assert again == anew
        assert own_hash(anew.config) == anew.hash
        assert anew.structure == render(serving(names), NODE).structure


SERVERS = st.dictionaries(st.integers(1, 8), st.tuples(st.booleans(), st.integers(1, 3)), max_size=6)
ENTRIES = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["x", "y"]))


def lines(servers):
    return tuple(
        Line(f"s{n}", f"10.0.0.1:{n}", id=n, weight=weight, disabled=disabled)
        for n, (disabled, weight) in sorted(servers.items())
    )


class Haproxy:
    """What the commands do to a HAProxy (management guide, 9.3): servers of one backend, and one map."""

    def __init__(self, servers, entries):
        self.map = dict(entries)
        self.servers = {
            line.name: State(
                "a", line.name, line.id, "10.0.0.1", line.id, 2, line.disabled, line.weight, False
            )
            for line in servers
        }

    def running(self, known):
        of_known = {line.name: line for line in known}
        return Running("x", {"a": dict(self.servers)}, {"a": of_known}, {"m": tuple(self.map.items())})

    def takes(self, update):
        for command in (*update.commands, *update.maintenance):
            words = command.split()
            name = words[2].partition("/")[2]
            if words[:2] == ["add", "server"]:
                given = dict(zip(words[4::2], words[5::2]))
                assert name not in self.servers
                place, weight = int(words[3].rpartition(":")[2]), int(given.get("weight", 1))
                number = int(given.get("id", 0))
                self.servers[name] = State("a", name, number, "10.0.0.1", place, 0, 1, weight, False)
            elif words[3] == "weight":
                self.servers[name] = replace(self.servers[name], weight=int(words[4]))
            else:
                state = {"ready": 0, "maint": 1, "drain": 8}[words[4]]
                self.servers[name] = replace(self.servers[name], administration=state)
        for change in update.maps:
            if change.whole is not None:
                self.map = dict(change.whole)
            self.map.update(dict(change.add + change.set))
            for key in change.remove:
                del self.map[key]
        for _, name in update.leaving:
            del self.servers[name]


@given(SERVERS, ENTRIES, SERVERS, ENTRIES, st.booleans())
def test_what_is_planned_brings_haproxy_to_what_is_wanted(old, old_map, new, new_map, ordered):
    before, after = lines(old), lines(new)
    haproxy = Haproxy(before, old_map)
    order = frozenset({"m"} if ordered else ())
    wanted = Wanted("x", {"a": Pool(after)}, {"m": tuple(new_map.items())})
    assert plan(haproxy.running(before), Wanted("x", {"a": Pool(before)}, {"m": tuple(old_map.items())})) == (
        NoChange()
    )
    update = plan(haproxy.running(before), wanted, order)
    if isinstance(update, RuntimeUpdate):
        haproxy.takes(update)
    assert haproxy.map == new_map
    seen = {(one.name, one.place, one.weight, one.maintenance) for one in haproxy.servers.values()}
    assert seen == {(one.name, one.place, one.weight, one.disabled) for one in after}
    assert plan(haproxy.running(after), wanted) == NoChange()
