"""Setup asks masters that speak TLS, and says in one line why it cannot."""

from __future__ import annotations

from appliance.lab.marathon.server import Marathon
from appliance.setup import discover
from appliance.setup.model import Level


def test_a_private_ca_has_to_be_named():
    with Marathon(tls=True, processes=False) as marathon:
        found = discover.masters((marathon.url,), (), None)
        assert found.finding.level is Level.FAIL
        assert "name its CA with --marathon-ca-cert" in found.finding.text
        assert discover.masters((marathon.url,), (), None, str(marathon.ca_cert)).finding.level is Level.OK
