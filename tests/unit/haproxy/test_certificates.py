"""Certificates as an operator leaves them; HAProxy and openssl are real."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from appliance import commands
from appliance.haproxy.certificates import Certificates, marks
from appliance.haproxy.model import Process
from appliance.programs.operator_files import OperatorFiles


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A certificate for two names that ends soon, and its key."""
    folder = tmp_path_factory.mktemp("pair")
    argv = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "10",
        "-subj",
        "/CN=a.example",
    ]
    names = ["-addext", "subjectAltName=DNS:a.example,DNS:b.example"]
    done = commands.run([*argv, *names, "-keyout", folder / "k", "-out", folder / "c"])
    assert done.code == 0, done.message
    return (folder / "c").read_text(), (folder / "k").read_text()


def test_the_key_may_lie_beside(pair, tmp_path):
    for certificate, key in (("x.crt", "x.key"), ("y.pem", "y.pem.key")):
        (tmp_path / certificate).write_text(pair[0])
        (tmp_path / key).write_text(pair[1])
    (tmp_path / "z.pem").write_text("".join(pair))
    found, notices = Certificates().found([str(tmp_path)])
    assert not notices
    assert [Path(one.path).name for one in found] == ["x.crt", "y.pem", "z.pem"]
    said = commands.run(["openssl", "x509", "-noout", "-fingerprint", "-sha1", "-in", found[0].path]).output
    assert found[0].sha1 == said.partition("=")[2].strip().replace(":", "")
    assert found[0].names == ("a.example", "b.example")
    assert 9 * 86400 < found[0].not_after - time.time() < 11 * 86400
    assert f"{found[0].path} expires on " in found[0].warning(time.time())
    assert "has expired on" in found[0].warning(found[0].not_after + 1)
    assert not found[0].warning(found[0].not_after - 31 * 86400)


def test_what_is_wrong_is_told_with_its_path_and_seen_again_when_it_changes(pair, tmp_path):
    path = tmp_path / "a.pem"
    path.write_text(pair[0])
    store = Certificates()
    before = marks([str(path)])
    assert "No Private Key found" in (store.usable(str(path)) or "")
    path.write_text("".join(pair))
    assert marks([str(path)]) != before
    assert store.usable(str(path)) is None
    assert [one.path for one in store.taken_by_labels()] == [str(path)]
    assert store.taken_by_labels() == []


def test_labels_name_files_of_the_given_folders_only(pair, tmp_path):
    (tmp_path / "open").mkdir()
    good, other = tmp_path / "open/a.pem", tmp_path / "b.pem"
    for path in (good, other):
        path.write_text("".join(pair))
    (tmp_path / "open/link.pem").symlink_to(other)
    store = Certificates([str(tmp_path / "open")])
    assert store.usable(str(good)) is None
    for path in (other, tmp_path / "open/link.pem", tmp_path / "open/../b.pem"):
        assert "lies in none of the folders" in (store.usable(str(path)) or "")


def test_an_empty_folder_and_a_missing_one_are_told(tmp_path):
    found, notices = Certificates().found([str(tmp_path), str(tmp_path / "none")])
    assert not found
    assert notices == [
        f"certificate folder {tmp_path}: holds no certificate that can be read",
        f"certificate {tmp_path}/none: No such file or directory; :443 goes on without it",
    ]


def test_one_that_ends_soon_is_an_alarm_in_the_report(pair, tmp_path):
    path = tmp_path / "a.pem"
    path.write_text("".join(pair))
    files = OperatorFiles([str(path)], tmp_path / "lua")
    furnished = files.furnish(Process(str(tmp_path), "/s", "/g"))
    assert furnished.certificate_names == (
        (files.store._certificate(str(path)).sha1, ("a.example", "b.example")),
    )
    (alarm,) = files.alarms
    assert alarm["id"] == "CERTIFICATE-EXPIRES"
    assert f"certificate {path} expires on " in alarm["text"]
    assert alarm["text"] in files.notices
    (told,) = files.certificates
    assert told["path"] == str(path)
    assert alarm["since"] == told["not_after"] - 30 * 86_400


def test_the_key_of_another_certificate_is_told_with_the_path_and_the_rest_stands(pair, tmp_path):
    stranger = commands.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
    assert stranger.code == 0, stranger.message
    good, bad = tmp_path / "good.pem", tmp_path / "bad.pem"
    good.write_text("".join(pair))
    bad.write_text(pair[0] + stranger.output)
    found, notices = Certificates().found([str(good), str(bad)])
    assert [one.path for one in found] == [str(good)]
    (said,) = notices
    assert str(bad) in said
    assert "inconsistencies between private key and certificate" in said
    assert "\n" not in said
