from __future__ import annotations

import pytest

from appliance.lab.systemctl import Links, link, main


@pytest.fixture
def links(tmp_path):
    system, packaged = tmp_path / "system", tmp_path / "packaged"
    system.mkdir()
    packaged.mkdir()
    (packaged / "thing.service").write_text("[Service]\n")
    return Links(system, packaged)


def test_what_is_enabled_stays_so_until_it_is_disabled(links):
    assert link(links, "enable", "thing.service") == (0, "")
    assert link(links, "enable", "thing.service") == (0, "")
    assert link(links, "is-enabled", "thing.service") == (0, "enabled")
    assert link(links, "disable", "thing.service") == (0, "")
    assert link(links, "is-enabled", "thing.service") == (1, "disabled")


def test_a_missing_unit_cannot_be_enabled(links):
    code, text = link(links, "enable", "other.service")
    assert code == 1
    assert "does not exist" in text


def test_a_masked_unit_says_so_until_it_is_unmasked(links):
    assert link(links, "mask", "thing.service") == (0, "")
    assert link(links, "mask", "thing.service") == (0, "")
    assert link(links, "is-enabled", "thing.service") == (1, "masked")
    assert link(links, "unmask", "thing.service") == (0, "")
    assert link(links, "is-enabled", "thing.service") == (1, "disabled")


def test_unmasking_leaves_an_own_unit_file_alone(links, tmp_path):
    own = tmp_path / "system/thing.service"
    own.write_text("[Service]\n")
    assert link(links, "unmask", "thing.service") == (0, "")
    assert own.exists()


def test_an_unknown_verb_is_a_usage_error(capsys):
    assert main(["reboot"]) == 64
    assert "daemon-reload" in capsys.readouterr().err
