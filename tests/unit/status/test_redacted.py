"""No secret of a configuration reaches a reader, and nothing else is lost."""

from __future__ import annotations

import pytest

from appliance.status.redacted import REMOVED, redacted


@pytest.mark.parametrize(
    "line",
    [
        "  user anna password $5$s3cret",
        "  user anna groups g insecure-password s3cret",
        "  stats auth admin:s3cret",
        "  http-request set-header Authorization Basic\\ s3cret",
        '  http-request set-header Authorization "Bearer s3cret s3cret"',
        "  http-check send hdr Authorization 'Basic s3cret'",
        "  http-request add-header X-Api-Key s3cret if { path /a }",
        '  http-request set-header Cookie "session=s3cret; other=s3cret"',
        "  option httpchk GET / HTTP/1.1\\r\\nAuthorization:\\ Basic\\ s3cret",
        "  setenv DB_PASSWORD s3cret",
        "with 'user anna insecure-password s3cret'",
        "because of http://anna:s3cret@10.0.0.1:8080/v2/events",
        "  http-request return string token=s3cret",
    ],
)
def test_a_secret_is_removed(line):
    assert "s3cret" not in redacted(line)
    assert REMOVED in redacted(line)


def test_the_rest_stays_line_by_line():
    text = (
        "global\n  maxconn 100\nbackend shop_10000\n  acl a http_auth(u)\n  server s1 10.0.0.1:31000 check\n"
        "  http-request set-header X-Forwarded-Port %[dst_port]\n  cookie mesosphere_server_id insert\n"
    )
    kept = redacted(text).splitlines()
    assert kept[:6] == text.splitlines()[:6]
    assert len(kept) == 7
