"""vrrp.json: what the recorder of transitions publishes."""

from __future__ import annotations

from appliance import files
from appliance.programs.transitions import Report


def test_a_report_that_could_not_be_written_is_written_as_soon_as_it_can_be(tmp_path):
    path = tmp_path / "run/vrrp.json"
    report = Report(path)
    report.put("10.0.0.250", {"state": "BACKUP", "alarms": []})
    report.put("10.0.0.250", {"state": "MASTER", "alarms": []})
    report.again()
    path.parent.mkdir()
    report.again()
    assert files.report(path)["vips"] == {"10.0.0.250": {"state": "MASTER", "alarms": []}}


def test_each_change_of_a_vip_is_published(tmp_path):
    path = tmp_path / "vrrp.json"
    report = Report(path)
    for state in ("BACKUP", "MASTER"):
        report.put("10.0.0.250", {"state": state, "alarms": []})
        assert files.report(path)["state"] == state
