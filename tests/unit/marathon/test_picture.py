"""Answers in any order give the picture of the latest questions, on disk and in memory."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.marathon import guard, wire
from appliance.marathon.model import Cluster, Unreadable
from appliance.marathon.picture import Picture
from appliance.marathon.store import Saved, Store, dump, load, parse

IDS = ("/a", "/b", "/c")


def cluster(**ports):
    apps = [
        {"id": f"/{name}", "ports": [1], "tasks": [{"id": f"{name}.{port}", "host": "h", "ports": [port]}]}
        for name, port in ports.items()
    ]
    return wire.apps({"apps": apps})


def ports(picture):
    return {app.id[1:]: app.tasks[0].endpoints[0].port for app in picture.cluster().apps}


worlds = st.lists(
    st.dictionaries(st.sampled_from("abc"), st.integers(1, 9), max_size=3), min_size=1, max_size=8
)


@given(worlds, st.data())
def test_the_picture_never_moves_backwards(worlds, data):
    """Each question is answered by the world of its time; answers arrive shuffled."""
    picture = Picture()
    answers = []
    for world in worlds:
        asked = data.draw(st.sampled_from(("", *IDS)))
        answers.append((picture.ticket(), asked, world))
    newest = {
        app_id: max(
            ((ticket, world) for ticket, asked, world in answers if asked in ("", app_id)),
            default=None,
            key=lambda one: one[0],
        )
        for app_id in IDS
    }
    for ticket, asked, world in data.draw(st.permutations(answers)):
        if asked:
            name = asked[1:]
            picture.put_app(ticket, asked, cluster(**({name: world[name]} if name in world else {})))
        else:
            picture.put_all(ticket, cluster(**world))
    expected = {
        app_id[1:]: known[1][app_id[1:]]
        for app_id, known in newest.items()
        if known and app_id[1:] in known[1]
    }
    assert ports(picture) == expected
    ids = [app.id for app in picture.cluster().apps]
    assert ids == sorted(ids)


def test_what_did_not_change_stays_the_same_object():
    picture = Picture()
    assert picture.put_all(picture.ticket(), cluster(a=1, b=2)).apps == IDS[:2]
    before = picture.cluster()
    assert not picture.put_all(picture.ticket(), cluster(a=1, b=2))
    assert picture.cluster() is before
    assert picture.put_app(picture.ticket(), "/a", cluster(a=3)).apps == ("/a",)
    assert picture.cluster().apps[1] is before.apps[1]


def test_an_app_that_cannot_be_read_is_told_until_it_can():
    picture = Picture()
    picture.put_all(picture.ticket(), cluster(a=1))
    broken = Cluster((), (Unreadable("/a", "apps['/a'].ports", "is no list"),))
    assert picture.put_app(picture.ticket(), "/a", broken)
    assert picture.cluster() == broken
    assert picture.put_app(picture.ticket(), "/a", cluster(a=1))
    assert picture.cluster() == cluster(a=1)


CHECKED = wire.apps(
    {
        "apps": [
            {
                "id": "/web",
                "labels": {"HAPROXY_GROUP": "ä\ud800\n"},
                "ports": [1, 2],
                "healthChecks": [{"protocol": "TCP", "portIndex": 1}, {"protocol": "COMMAND"}],
                "tasks": [
                    {"id": "w.1", "host": "h", "ports": [31000], "healthCheckResults": [{"alive": False}]}
                ],
            }
        ]
    }
)


def test_what_was_saved_is_read_back(tmp_path):
    saved = Saved(CHECKED, 1614600003.5, "framework-1")
    assert parse(dump(saved)) == saved
    assert parse(dump(Saved(Cluster(), 1.0))) == Saved(Cluster(), 1.0)
    store = Store(tmp_path / "picture.json")
    assert store.load() is None
    store.start()
    store.save(Saved(Cluster(), 1.0))
    store.save(saved)
    store.stop()
    assert load(tmp_path / "picture.json") == saved
    json.loads((tmp_path / "picture.json").read_text())


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-20],
        lambda text: text.replace("31000", "31001"),
        lambda text: text.replace("picture/1", "picture/2"),
        lambda text: text.replace('"at"', '"when"'),
        lambda _: "",
        lambda _: "[]",
        lambda _: "\0",
    ],
)
def test_a_damaged_picture_is_not_used(tmp_path, damage):
    file = tmp_path / "picture.json"
    file.write_text(damage(dump(Saved(CHECKED, 1.0))))
    assert load(file) is None


def test_a_folder_that_cannot_be_written_ends_nothing(tmp_path):
    store = Store(tmp_path / "none" / "picture.json")
    store.start()
    store.save(Saved(CHECKED, 1.0))
    store.stop()
    assert not store._newest._thread.is_alive()


def test_loss_is_counted_by_number_and_announced_apps_are_none():
    known = cluster(a=1, b=2, c=3)
    assert not guard.loss(known, cluster(a=7, b=8, c=9), ()).suspicious
    lost = guard.loss(known, cluster(c=3), ())
    assert (lost.missing, lost.of, lost.suspicious) == (2, 3, True)
    assert {place.port for place in lost.endpoints} == {1, 2}
    assert not guard.loss(known, cluster(c=3), {"/a"}, {"/a"}).suspicious
    assert not guard.loss(Cluster(), Cluster(), ()).suspicious


def test_announced_apps_excuse_no_other_that_vanishes_with_them():
    known = cluster(a=1, b=2, c=3)
    empty = guard.loss(known, Cluster(), {"/a", "/b"}, {"/a", "/b"})
    assert (empty.missing, empty.suspicious) == (1, True)
    assert not guard.loss(known, cluster(a=1, b=2), {"/a", "/b"}).suspicious
    all_apps = {"/a", "/b", "/c"}
    assert not guard.loss(known, Cluster(), all_apps, all_apps).suspicious
    assert guard.loss(known, Cluster(), all_apps).suspicious, "none of them was stopped"


def test_a_loss_needs_a_second_answer_and_haproxy_or_time():
    found = guard.loss(cluster(a=1), Cluster(), ())
    held = guard.step(None, found, 100.0, confirmed=True)
    assert held is not None
    assert guard.step(held, found, 101.0, confirmed=True) is None
    held = guard.step(held, found, 101.0, confirmed=False)
    assert held == guard.Held(100.0, found, reads=2)
    assert guard.step(held, found, 100.0 + guard.HOLD_S, confirmed=False) is None
    assert guard.step(held, dataclasses.replace(found, missing=0), 102.0, confirmed=False) is None
