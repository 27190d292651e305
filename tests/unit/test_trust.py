"""Two nodes that met have a key that nobody else can make."""

from __future__ import annotations

import stat
from dataclasses import replace

import pytest

from appliance import trust
from appliance.errors import SettingsError
from appliance.paths import Paths
from appliance.trust import PRIME, Order, Trust, UntrustedError

A, B = "10.0.0.1", "10.0.0.2"


def node(folder):
    paths = Paths(folder)
    paths.state.mkdir(parents=True)
    made = Trust(paths)
    made.begin()
    return made, paths


@pytest.fixture
def pair(tmp_path):
    (one, one_paths), (other, other_paths) = node(tmp_path / "a"), node(tmp_path / "b")
    assert one.note(B, other.shown())
    assert other.note(A, one.shown())
    return one, other, one_paths, other_paths


def test_both_have_the_same_key_and_a_third_has_not(pair, tmp_path):
    one, other, *_ = pair
    third = node(tmp_path / "c")[0]
    third.note(B, other.shown())
    assert one.key(B) == other.key(A)
    assert third.key(B) != one.key(B)


def test_secrets_can_be_read_by_their_owner_only(pair):
    for paths in pair[2:]:
        for path in (paths.node_secret, paths.known_peers):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert paths.node_secret.read_text().strip() not in paths.known_peers.read_text()


def test_a_secret_once_made_stays(pair):
    one = pair[0]
    shown = one.shown()
    one.begin()
    assert one.shown() == shown


def test_only_the_first_contact_is_believed_until_the_operator_says_so(pair, tmp_path):
    one = pair[0]
    key, new = one.key(B), node(tmp_path / "new")[0]
    assert not one.note(B, new.shown())
    assert one.differs(B, new.shown())
    assert one.key(B) == key
    assert one.forget(B)
    assert not one.forget(B)
    with pytest.raises(UntrustedError, match="have not met yet"):
        one.key(B)
    assert one.note(B, new.shown())
    assert one.key(B) != key


def test_a_cluster_secret_is_the_key_and_first_contact_is_not_trusted(tmp_path):
    (one, one_paths), (other, other_paths) = node(tmp_path / "a"), node(tmp_path / "b")
    for paths in (one_paths, other_paths):
        paths.cluster_secret.write_text("correct horse battery staple\n")
    assert not one.note(B, other.shown())
    assert one.key(B) == other.key(A)
    other_paths.cluster_secret.write_text("another horse battery staple\n")
    assert one.key(B) != other.key(A)


@pytest.mark.parametrize("shown", ["0", "1", f"{PRIME - 1:x}", f"{PRIME:x}", "zz", "-5"])
def test_a_number_that_gives_no_secret_is_refused(pair, shown):
    one = pair[0]
    one.forget(B)
    one.note(B, shown)
    with pytest.raises(UntrustedError, match="no usable number"):
        one.key(B)


def test_a_mac_covers_all_that_is_said():
    order, key = Order(A, B, "challenge", '{"order": "drain"}'), b"k" * 32
    mac = order.mac(key)
    assert order.is_from(key, mac)
    for other in (
        replace(order, sender=B),
        replace(order, receiver=A),
        replace(order, challenge="another"),
        replace(order, body="{}"),
    ):
        assert not other.is_from(key, mac)
    assert not order.is_from(b"x" * 32, mac)
    assert not order.is_from(key, "")
    assert not order.is_from(key, "ü")


@pytest.mark.parametrize("text", ["", "short", "two lines of text\nthat are no secret"])
def test_a_file_that_holds_no_secret_is_refused_with_a_cure(tmp_path, text):
    file = tmp_path / "secret"
    file.write_text(text)
    with pytest.raises(SettingsError, match="openssl rand"):
        trust.secret_in(file)


def test_a_secret_that_is_not_there_is_said(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        trust.secret_in(tmp_path / "none")
