from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import UsageError
from appliance.paths import Paths


def test_a_root_moves_every_path(monkeypatch):
    monkeypatch.delenv("APPLIANCE_ROOT", raising=False)
    assert Paths.of().settings == Path("/etc/marathon-ha-appliance/appliance.toml")
    assert Paths.of("/x").run == Path("/x/run/marathon-ha-appliance")
    monkeypatch.setenv("APPLIANCE_ROOT", "/y")
    assert Paths.of().state == Path("/y/var/lib/marathon-ha-appliance")
    assert Paths.of("/x").state == Path("/x/var/lib/marathon-ha-appliance")


def test_a_root_that_haproxy_cannot_use_is_refused():
    with pytest.raises(UsageError, match="bytes too long"):
        Paths.of("/" + "a" * 80)
