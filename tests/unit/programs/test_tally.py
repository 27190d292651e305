"""What is counted of the changes that HAProxy is given."""

from __future__ import annotations

import pytest

from appliance.errors import EngineError, NotRunningError
from appliance.haproxy.service import RefusedError
from appliance.programs.tally import OTHER, Tally, reason


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (None, "ok"),
        (RefusedError("no"), "refused"),
        (NotRunningError("later"), "waiting"),
        (EngineError("?"), "failed"),
    ],
)
def test_each_change_is_counted_with_its_result(error, result):
    tally = Tally()

    def give():
        with tally.timing("reload"):
            if error:
                raise error

    for _ in range(2):
        if error:
            with pytest.raises(type(error)):
                give()
        else:
            give()
    (found,) = tally.facts()
    assert (found["kind"], found["result"], found["count"]) == ("reload", result, 2)
    assert found["seconds"] >= 0


def test_a_reload_counts_once_for_each_kind_of_its_reasons():
    tally = Tally()
    tally.reload_for(("backend a_1: new", "backend b_2: gone", "route a.example: new"))
    tally.reload_for(("backend a_1: other servers",))
    assert tally.reasons == {"backend": 2, "route": 1}


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("service port 10000: new", "service port"),
        ("app id /a: gone", "app id"),
        ("own rules of a_1: changed", "own rules"),
        ("TLS of a.example: changed", "TLS"),
        ("VIP 10.77.0.250: new", "VIP"),
        ("default of :80: changed", "default"),
        ("settings, certificates or templates changed", "settings"),
        ("nothing of ours runs yet", "start"),
        ("what nobody thought of", OTHER),
    ],
)
def test_reasons_are_of_few_kinds(words, kind):
    assert reason(words) == kind
