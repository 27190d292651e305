from __future__ import annotations

import shlex

from hypothesis import given
from hypothesis import strategies as st

from appliance.haproxy.culprits import culprits, without
from appliance.haproxy.model import Backend, LoadBalancer, Mode, Process, Route
from appliance.haproxy.plan import Generation, NoChange, plan
from appliance.haproxy.render import own_hash, quoted, render

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


@given(st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)))
def test_a_plan_is_no_change_exactly_if_haproxy_is_given_the_same(old, new):
    first, second = (render(serving(names), NODE) for names in (old, new))
    decision = plan(Generation(first.hash, serving(old)), Generation(second.hash, serving(new)))
    assert (decision == NoChange()) == (old == new) == (first.config == second.config)
    assert own_hash(second.config) == second.hash
