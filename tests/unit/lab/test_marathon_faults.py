from __future__ import annotations

import pytest

from appliance.errors import UsageError
from appliance.lab.marathon_faults import KINDS, inflict, options
from appliance.lab.topology import topology


def test_options_are_json_where_they_can_be_and_text_otherwise():
    assert options(["times=3", "seconds=0.5", "path=/v2/*", "master=0", 'flavours=["1.4"]', "to="]) == {
        "times": 3,
        "seconds": 0.5,
        "path": "/v2/*",
        "master": 0,
        "flavours": ["1.4"],
        "to": "",
    }


@pytest.mark.parametrize("word", ["times", "=3", ""])
def test_what_is_no_option_is_a_usage_error(word):
    with pytest.raises(UsageError, match="key=value"):
        options([word])


def test_an_unknown_kind_is_a_usage_error():
    with pytest.raises(UsageError, match="--list"):
        inflict("marathon-nothing", topology(), [])


def test_every_kind_is_described():
    assert all(text and "\n" not in text for text in KINDS.values())
    assert len(KINDS) > 70
