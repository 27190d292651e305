"""The event log: appended by many, read by anyone."""

from __future__ import annotations

import threading

from appliance.status import events


def test_events_come_back_oldest_first(tmp_path):
    for n in range(5):
        events.record(tmp_path / "e", "vrrp", f"number {n}", n=n)
    assert [event["n"] for event in events.recent(tmp_path / "e", 3)] == [2, 3, 4]
    assert events.recent(tmp_path / "e", 1)[0]["kind"] == "vrrp"


def test_no_file_is_no_event(tmp_path):
    assert events.recent(tmp_path / "missing", 3) == []


def test_torn_and_foreign_lines_are_passed_over(tmp_path):
    file = tmp_path / "e"
    file.write_bytes(
        b'{"at": 1, "kind": "vr\nnull\n[1]\n{"at": "x", "kind": "k", "message": "m"}\n\xff\xfe\n'
    )
    events.record(file, "drain", "drained")
    assert [event["message"] for event in events.recent(file, 10)] == ["drained"]


def test_an_event_that_cannot_be_written_stops_nobody(tmp_path):
    events.record(tmp_path / "no" / "folder", "vrrp", "still alive")


def test_writers_do_not_tear_each_others_lines(tmp_path):
    def write(name):
        for _ in range(50):
            events.record(tmp_path / "e", "vrrp", name * 200)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(events.recent(tmp_path / "e", 1000)) == 200
