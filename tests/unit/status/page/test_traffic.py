"""Requests per second from HAProxy's counters."""

from __future__ import annotations

import pytest

from appliance.status.page.spark import amount, points
from appliance.status.page.traffic import Count, Traffic, parse

HEAD = "# pxname,svname,stot,status,hrsp_5xx,last_chk,"


def answer(requests, errors=0, more=""):
    return f'{HEAD}\nshop,s1,{requests},UP,{errors},"a,b",\nshop,BACKEND,{requests},UP,{errors},,\n{more}'


def test_rates_are_differences_by_time():
    traffic = Traffic()
    traffic.add(parse(answer(100, 4), 10.0))
    traffic.add(parse(answer(150, 5), 20.0))
    rates = traffic.rates()
    assert (rates.times, rates.requests, rates.errors) == ((20.0,), (5.0,), (0.1,))
    assert rates.backends == {"shop": (5.0,)}


def test_a_reload_begins_anew_and_counts_what_came_since():
    assert Count(30, 1).since(Count(1000, 0)) == Count(30, 1)


def test_what_serves_no_app_does_not_count():
    statistics = parse(
        answer(1, more="stats,FRONTEND,9,OPEN,0,,\nstats,BACKEND,9,UP,0,,\nagent,a,9,UP,0,,\n"), 0.0
    )
    assert set(statistics.counts) == {"shop"}
    assert statistics.states == {("shop", "s1"): "UP"}


def test_a_backend_that_was_silent_all_the_time_takes_no_memory():
    traffic = Traffic()
    for second in range(3):
        traffic.add(parse(answer(7), float(second)))
    assert traffic.rates().backends == {}


@pytest.mark.parametrize("text", ["", "nonsense", "# pxname,svname\n"])
def test_another_answer_is_an_error(text):
    with pytest.raises(ValueError, match="not in"):
        parse(text, 0.0)


def test_a_line_goes_from_edge_to_edge():
    assert points([0, 5, 10], width=100, height=20) == "0,20 50,10 100,0"
    assert points([0, 0], width=100, height=20) == "0,20 100,20"
    assert points([1], width=100, height=20) == ""


def test_amounts_are_short():
    assert [amount(rate) for rate in (0, 0.42, 12.4, 1204)] == ["0", "0.4", "12", "1,204"]
