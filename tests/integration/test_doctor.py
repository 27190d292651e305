"""`appliance doctor` against the lab's Marathon, as it is and as it should not be."""

from __future__ import annotations

import pytest

from appliance.cli import appliance
from appliance.errors import MarathonError
from appliance.lab.marathon.server import Marathon
from appliance.marathon.access import Access
from appliance.marathon.client import Client


@pytest.fixture
def doctor(capsys):
    def run(*words):
        code = appliance.main(["--root", "/tmp/th-no-node", "doctor", *map(str, words)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.mark.parametrize("flavour", ["1.4", "1.6", "1.8"])
def test_a_marathon_of_any_age_is_as_relied_on(doctor, tmp_path, flavour):
    file = tmp_path / "credentials"
    file.write_text("joe:s3cret\n")
    file.chmod(0o600)
    with Marathon(
        credentials="joe:s3cret", flavours=flavour, processes=False, scale=(3, 2), heartbeat_s=0.2
    ) as marathon:
        code, out, _ = doctor("--marathon", marathon.url, "--credentials-file", file)
        assert code == 0, out
        assert "3 apps, 6 tasks" in out
        assert "event_stream_attached" in out
        assert "DIFFERENT" not in out

        code, out, _ = doctor("--marathon", marathon.url)
        assert code == 1
        assert "it wants credentials, and none are given" in out


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        ("portal", "the answer is HTML"),
        ("apps-null", "holds no list 'apps'"),
        ("stream-eof", "ended the event stream"),
        ("content-unreadable", "apps["),
    ],
)
def test_each_difference_is_a_line(doctor, kind, complaint):
    with Marathon(processes=False, scale=(2, 1), heartbeat_s=0.2) as marathon:
        marathon.inject(kind)
        code, out, err = doctor("--marathon", marathon.url)
    assert (code, err) == (1, "")
    assert any(complaint in line and "DIFFERENT" in line for line in out.splitlines()), out


def test_it_changes_nothing(doctor):
    with Marathon(processes=False, scale=(2, 1), heartbeat_s=0.2) as marathon:
        before = marathon.truth()
        assert doctor("--marathon", marathon.url)[0] == 0
        assert marathon.truth() == before


def test_without_a_marathon_it_says_what_to_give(doctor):
    code, _, err = doctor()
    assert (code, "give --marathon URL" in err) == (64, True)
    code, _, err = doctor("--marathon", "ftp://x")
    assert (code, len(err.splitlines())) == (1, 1)


def test_a_wrong_scheme_is_said_in_one_line():
    with Marathon(tls=True, processes=False) as marathon:
        plain = marathon.url.replace("https://", "http://")
        with pytest.raises(MarathonError, match=r"is it https://\?"):
            Client(Access([plain])).cluster()
        with pytest.raises(MarathonError, match="name its CA with --marathon-ca-cert"):
            Client(Access([marathon.url])).cluster()
        assert Client(Access([marathon.url], ca_cert=str(marathon.ca_cert))).cluster().apps == ()
        assert Client(Access([marathon.url], verify=False)).cluster().apps == ()
    with Marathon(processes=False) as marathon:
        secure = marathon.url.replace("http://", "https://")
        with pytest.raises(MarathonError, match="speaks no TLS on this port; use http://"):
            Client(Access([secure])).cluster()
