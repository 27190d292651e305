"""A moment as people write it."""

from __future__ import annotations

import argparse
import datetime as dt

import pytest

from appliance.cli.moment import moment_after

NOW = dt.datetime(2026, 11, 25, 12, 0, tzinfo=dt.timezone(dt.timedelta(hours=1)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+90m", "2026-11-25T13:30+01:00"),
        ("+2h", "2026-11-25T14:00+01:00"),
        ("+1d", "2026-11-26T12:00+01:00"),
        ("14:30", "2026-11-25T14:30+01:00"),
        ("9:05", "2026-11-26T09:05+01:00"),
        ("12:00", "2026-11-26T12:00+01:00"),
        ("2026-12-24T08:00", "2026-12-24T08:00+01:00"),
        ("2026-12-24 08:00+00:00", "2026-12-24T09:00+01:00"),
    ],
)
def test_it_is_understood(text, expected):
    assert moment_after(text, NOW) == dt.datetime.fromisoformat(expected).timestamp()


@pytest.mark.parametrize(
    "text", ["", "soon", "24:00", "12:60", "90m", "+m", "2026-13-01", "2026-11-25T11:59"]
)
def test_nonsense_and_the_past_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError):
        moment_after(text, NOW)
