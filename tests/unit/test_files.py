from __future__ import annotations

import os

import pytest

from appliance import files


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "a"
    files.replace(path, "one\n")
    files.replace(path, "two\n", mode=0o600)
    assert path.read_text() == "two\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_failed_replacement_leaves_the_old_file_and_no_rest(tmp_path):
    path = tmp_path / "a"
    files.replace(path, "old")
    with pytest.raises(UnicodeEncodeError):
        files.replace(path, "\ud800")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_report_is_read_back_and_a_broken_one_is_empty(tmp_path):
    path = tmp_path / "r.json"
    assert files.report(path) == {}
    files.publish(path, {"a": 1})
    assert files.report(path) == {"a": 1}
    path.write_text("{")
    assert files.report(path) == {}
    path.write_text("[1]")
    assert files.report(path) == {}


def test_a_report_that_cannot_be_written_is_written_when_it_can_be(tmp_path):
    path = tmp_path / "run/r.json"
    report = files.Report(path)
    report.put({"a": 1})
    assert "No such file" in report.trouble
    path.parent.mkdir()
    report.put({"a": 1})
    assert report.trouble == ""
    assert files.report(path) == {"a": 1}


def test_a_report_that_is_as_before_is_touched_and_one_that_was_removed_is_written(tmp_path):
    path = tmp_path / "r.json"
    report = files.Report(path)
    report.put({"a": 1})
    os.utime(path, (1.0, 1.0))
    inode = path.stat().st_ino
    report.put({"a": 1})
    assert path.stat().st_mtime > 1.0
    assert path.stat().st_ino == inode
    path.unlink()
    report.put({"a": 1})
    assert files.report(path) == {"a": 1}
