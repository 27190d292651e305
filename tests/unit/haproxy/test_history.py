"""The folder of applied configurations: what is kept, what is held, and what a full disk does."""

from __future__ import annotations

import json

import pytest

from appliance.errors import ApplianceError
from appliance.haproxy.history import History
from appliance.haproxy.model import LoadBalancer, Process, Route
from appliance.haproxy.render import render


class Node:
    """A folder where configurations are put in place as the service does."""

    def __init__(self, top):
        self.folder = top / "haproxy"
        self.folder.mkdir()
        self.config = self.folder / "haproxy.cfg"
        self.process = Process(str(self.folder), f"{top}/h.sock", f"{top}/lb.sock")
        self.places = (top / "history", top / "pin.json")
        self.history = self.opened()

    def opened(self, most=3):
        return History(*self.places, most=most)

    def applies(self, *hosts, **facts):
        rendered = render(
            LoadBalancer(routes=tuple(Route(host, "", ("b_80",)) for host in hosts)), self.process
        )
        maps = self.folder / rendered.maps_folder
        maps.mkdir(exist_ok=True)
        for name, text in rendered.maps.items():
            (maps / name).write_text(text)
        self.config.unlink(missing_ok=True)
        self.config.write_text(rendered.config)
        facts = {"kind": "reload", "cause": "a test", "duration_s": 0.25, **facts}
        return self.history.keep(self.config, **facts)


@pytest.fixture
def node(tmp_path):
    return Node(tmp_path)


def test_a_generation_is_kept_with_its_cause_and_what_changed(node):
    assert node.applies("a.example") == 1
    assert node.applies("b.example", kind="runtime", cause="status_update_event of /b", duration_s=0.01) == 2
    first, second = node.history.generations()
    assert first.changes == ("the first that is kept",)
    assert second.changes == ("route a.example: gone, was to b_80", "route b.example: new, to b_80")
    assert (second.kind, second.cause, second.duration_s) == ("runtime", "status_update_event of /b", 0.01)
    assert second.at >= first.at


def test_what_equals_the_newest_is_no_other_generation(node):
    assert node.applies("a.example") == 1
    assert node.applies("a.example") == 1
    node.history = node.opened()
    assert node.applies("a.example") == 1
    assert node.applies("b.example") == 2


def test_only_so_many_are_kept_and_numbers_go_on(node):
    for n in range(6):
        node.applies(f"{n}.example")
    assert node.history.numbers() == [4, 5, 6]
    with pytest.raises(ApplianceError, match="generation 1 is not kept; kept are 4 to 6"):
        node.history.generation(1)


def test_the_one_that_is_held_stays_however_many_follow(node):
    node.applies("0.example")
    node.history.pin(1, "the last good one")
    for n in range(1, 6):
        node.applies(f"{n}.example")
    assert node.history.numbers() == [1, 4, 5, 6]
    assert node.history.release()
    node.applies("6.example")
    assert node.history.numbers() == [5, 6, 7]


def test_a_generation_comes_back_as_it_was_when_its_files_were_replaced_and_removed(node):
    node.applies("a.example")
    before = node.config.read_text()
    maps = next(node.folder.glob("maps-*"))
    node.applies("b.example")
    for path in maps.iterdir():
        path.unlink()
    maps.rmdir()
    back = node.history.rendered(1)
    assert back.config == before
    assert back.maps["domain2backend.map"] == "a.example b_80\n"
    assert back.maps_folder == maps.name
    assert back.hash in before


def test_one_that_was_changed_since_is_refused(node):
    node.applies("a.example")
    path = node.places[0] / "1/haproxy.cfg"
    path.write_text(path.read_text().replace("retries 3", "retries 4"))
    with pytest.raises(ApplianceError, match="was changed by somebody"):
        node.history.rendered(1)


@pytest.mark.parametrize("text", [b"a.example elsewhere\n", b"\xff\xfe", None])
def test_one_whose_maps_were_changed_or_lost_is_refused(node, text):
    node.applies("a.example")
    path = next(node.places[0].glob("1/maps-*/domain2backend.map"))
    path.unlink()
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(ApplianceError, match=r"maps-.* was changed by somebody, or is missing"):
        node.history.rendered(1)


@pytest.mark.parametrize("name", ["generation.json", "haproxy.cfg"])
def test_a_newest_one_that_is_no_text_stops_no_update(node, name):
    node.applies("a.example")
    path = node.places[0] / "1" / name
    path.unlink()
    path.write_bytes(b"\xff\x00\xfe")
    node.history = node.opened()
    assert node.applies("b.example") == 2
    assert node.history.trouble == ""
    assert node.history.rendered(2)


def test_what_a_killed_process_began_to_keep_is_removed(node):
    node.applies("a.example")
    begun = node.places[0] / ".new-x"
    begun.mkdir()
    (begun / "haproxy.cfg").write_text("half")
    node.history = node.opened()
    assert node.applies("b.example") == 2
    assert not begun.exists()


def test_a_pin_lasts_until_it_is_released(node):
    assert node.history.pinned() is None
    node.history.pin(7, "why")
    pin = node.opened().pinned()
    assert (pin.number, pin.reason) == (7, "why")
    assert node.history.release()
    assert not node.history.release()
    assert node.opened().pinned() is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\x00",
        b'{"number": "x", "since": 1, "reason": ""}',
        b'{"number": Infinity, "since": 1, "reason": ""}',
        b'{"number": 1, "since": 1e300, "reason": ""}',
    ],
)
def test_a_pin_that_says_nothing_holds_what_runs(node, text):
    node.places[1].write_bytes(text)
    assert node.history.pinned().number == 0


def test_a_folder_that_cannot_be_written_stops_nothing_and_says_so(node):
    node.places[0].write_text("a file in its place")
    assert node.applies("a.example") == 0
    assert str(node.places[0]) in node.history.trouble
    node.places[0].unlink()
    assert node.applies("a.example") == 1
    assert node.history.trouble == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        json.dumps({"number": 2}),
        json.dumps(
            {
                "number": 2,
                "at": 1e300,
                "cause": "",
                "kind": "",
                "duration_s": 0,
                "changes": [],
                "hash": "",
            }
        ),
    ],
)
def test_a_record_that_cannot_be_read_is_left_out_and_its_number_not_given_again(node, text):
    node.applies("a.example")
    node.applies("b.example")
    (node.places[0] / "2/generation.json").write_text(text)
    node.history = node.opened()
    assert [one.number for one in node.history.generations()] == [1]
    assert node.applies("c.example") == 3
