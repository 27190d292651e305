"""Settings that follow the file, and names that may stand in other programs' configurations."""

from __future__ import annotations

import os

import pytest

from appliance import settings
from appliance.errors import SettingsError

TOML = """
[vip]
address = "192.0.2.250"
interface = "{interface}"
virtual_router_id = {vrid}
[cluster]
address = "192.0.2.1"
nodes = [{{ name = {name}, address = "192.0.2.1" }}]
[marathon]
urls = ["http://192.0.2.9:8080"]
"""


def text(*, interface="eth0", vrid=250, name='"slave-1"'):
    return TOML.format(interface=interface, vrid=vrid, name=name)


def test_an_edit_is_seen_and_a_broken_one_is_not(tmp_path):
    file = tmp_path / "appliance.toml"
    file.write_text(text())
    current = settings.Current(file)
    assert current.read().vip.virtual_router_id == 250
    file.write_text(text(vrid=51) + "\n")
    assert current.read().vip.virtual_router_id == 51
    file.write_text("[vip")
    assert current.read().vip.virtual_router_id == 51
    os.unlink(file)
    assert current.read().vip.virtual_router_id == 51
    file.write_text(text(vrid=52))
    assert current.read().vip.virtual_router_id == 52


def test_there_have_to_be_good_settings_to_begin_with(tmp_path):
    with pytest.raises(SettingsError, match="no such file"):
        settings.Current(tmp_path / "appliance.toml")


@pytest.mark.parametrize("name", ['"a b"', '"x\\n}"', '""', '"-n"', '"a/b"', f'"{"a" * 64}"'])
def test_a_name_that_keepalived_would_misread_is_refused(name):
    with pytest.raises(SettingsError, match=r"cluster\.nodes\[0\]\.name"):
        settings.parse(text(name=name), "appliance.toml")


@pytest.mark.parametrize("interface", ["a b", "eth0 }", "averyverylonginterface"])
def test_a_name_that_is_no_interface_is_refused(interface):
    with pytest.raises(SettingsError, match=r"vip\.interface"):
        settings.parse(text(interface=interface), "appliance.toml")
