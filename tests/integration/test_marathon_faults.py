"""Whatever goes wrong between Marathon and us, the picture is the truth again within BOUND_S.

Each kind of fault that the lab's Marathon can produce: while it lasts an app changes, no server is lost; then
it ends. A kind of the masters' own ends when they are whole again.
"""

from __future__ import annotations

import time

import pytest
import requests
from following import Following

from appliance.lab.marathon.faults.kind import Stage
from appliance.lab.marathon.faults.table import KINDS
from appliance.lab.marathon.server import Marathon
from appliance.marathon import wire

BOUND_S = 30.0
LASTS_S = 0.3
APPS, TASKS = 6, 2
SHORT = {
    "election-slow": {"election_s": 1.0},
}


@pytest.fixture(scope="module")
def marathon():
    with Marathon(masters=3, heartbeat_s=0.1, processes=False, scale=(APPS, TASKS)) as running:
        yield running


@pytest.fixture
def following(marathon):
    made = Following(
        *marathon.urls,
        patience_s=0.5,
        silence_s=0.5,
        period_s=1.0,
        hold_s=3600.0,
        again_s=0.1,
        down=lambda _: False,
    )
    try:
        made.until(lambda: shown(made.feed.cluster()) == truth(marathon))
        yield made
    finally:
        marathon.clear()
        made.close()
        assert not made.feed._thread.is_alive()


def shown(cluster):
    """What matters of a picture: health may be remembered where Marathon has forgotten it."""
    if cluster is None:
        return None
    return {
        app.id: (app.labels, app.ports, {task.id: (task.state, task.endpoints) for task in app.tasks})
        for app in cluster.apps
    }


def truth(marathon):
    return shown(wire.apps(marathon.truth()))


def churn(marathon, app_id="/scale-1"):
    answer = requests.post(f"{marathon.control_url}/_lab/churn", json={"app": app_id}, timeout=10)
    assert answer.ok, answer.text


@pytest.mark.parametrize("kind", KINDS)
def test_the_picture_is_the_truth_again(marathon, following, kind):
    marathon.inject(kind, **SHORT.get(kind, {}))
    churn(marathon)
    time.sleep(LASTS_S)
    if KINDS[kind].stage is not Stage.CONTENT:
        assert set(shown(following.feed.cluster())) >= {f"/scale-{n}" for n in range(APPS)}
    marathon.clear()
    churn(marathon, "/scale-2")
    following.until(lambda: shown(following.feed.cluster()) == truth(marathon), within_s=BOUND_S)
    assert following.feed._thread.is_alive()
    assert following.watch._thread.is_alive()
