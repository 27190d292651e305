"""How often one address may ask."""

from __future__ import annotations

from appliance.status.page import limits
from appliance.status.page.limits import Limits


def test_a_burst_is_allowed_and_then_a_rate():
    bucket = Limits(each_s=2.0, at_once=3.0)
    assert [bucket.allow("a", 0.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.allow("b", 0.0)
    assert [bucket.allow("a", 0.5), bucket.allow("a", 0.5)] == [True, False]


def test_it_remembers_a_bounded_number_of_addresses():
    bucket = Limits()
    for number in range(limits.MOST_ADDRESSES * 2):
        assert bucket.allow(f"2001:db8::{number:x}", float(number))
    assert len(bucket._buckets) == limits.MOST_ADDRESSES
