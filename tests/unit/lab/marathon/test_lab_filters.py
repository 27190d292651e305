from __future__ import annotations

import pytest

from appliance.lab.marathon.errors import RefusedError
from appliance.lab.marathon.filters import selected

APPS = [
    {"id": "/a", "cmd": "Serve", "labels": {"x": "1", "y": "2"}},
    {"id": "/b", "labels": {"x": "2"}},
    {"id": "/c", "cmd": None},
]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({}, ["/a", "/b", "/c"]),
        ({"id": ["A"]}, ["/a"]),
        ({"cmd": ["serve"]}, ["/a"]),
        ({"label": ["x"]}, ["/a", "/b"]),
        ({"label": ["x==2"]}, ["/b"]),
        ({"label": ["x != 2"]}, ["/a", "/c"]),
        ({"label": ["x in (1, 2), y"]}, ["/a"]),
        ({"label": ["x notin (1,2)"]}, ["/c"]),
        ({"label": [""]}, ["/a", "/b", "/c"]),
    ],
)
def test_the_apps_that_fit_every_filter(query, ids):
    assert selected(APPS, query) == ids


def test_a_selector_that_is_none_is_refused_by_its_text():
    with pytest.raises(RefusedError, match=r"x=\(1"):
        selected(APPS, {"label": ["x=(1"]})
