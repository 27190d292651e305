"""The operator's own parts: where they are read, which are refused, and that ours pass the same test."""

from __future__ import annotations

import pytest

from appliance.haproxy import certificates
from appliance.haproxy.catalogue import PARTS
from appliance.haproxy.model import Process
from appliance.haproxy.operator_texts import built_in, read
from appliance.programs.operator_texts import usable

HEAD = """
global
  stats socket /tmp/s expose-fd listeners
  lua-load {lua}
defaults
  mode http
  timeout client 1s
  timeout connect 1s
  timeout server 1s
"""


@pytest.fixture
def process(tmp_path):
    certificate, _ = certificates.self_signed(tmp_path)
    return Process(str(tmp_path), f"{tmp_path}/h", f"{tmp_path}/g", certificates=(certificate,))


def test_a_file_is_read_and_the_environment_wins(tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "HAPROXY_BACKEND_HSTS_OPTIONS").write_text("  one")
    assert read(tmp_path, {})[0] == {"BACKEND_HSTS_OPTIONS": "  one\n"}
    environ = {
        "HAPROXY_BACKEND_HSTS_OPTIONS": "  two\\n  three",
        "HAPROXY_MAP_HTTP_FRONTEND_ACL": "x",
        "HAPROXY_X": "y",
    }
    assert read(tmp_path, environ) == ({"BACKEND_HSTS_OPTIONS": "  two\n  three\n"}, [])


def test_every_part_that_is_used_has_a_built_in_text_but_the_head():
    assert {part.name for part in PARTS if part.used} - built_in().keys() == {"HEAD"}
    assert built_in().keys() <= {part.name for part in PARTS}


def test_each_built_in_text_is_usable_as_an_override(process, tmp_path):
    texts, notices = usable(process, tmp_path, {f"HAPROXY_{name}": text for name, text in built_in().items()})
    assert notices == ()
    assert texts.overridden == built_in()


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("BACKEND_HTTP_OPTIONS", "  option nonsense", "HAPROXY_BACKEND_HTTP_OPTIONS: HAProxy refuses it: "),
        ("HTTP_FRONTEND_ACL", "  use_backend {nobody}", "{nobody} is no placeholder here"),
        ("HTTP_FRONTEND_HEAD", "  bind :80", "has to begin with 'frontend"),
        ("HEAD", HEAD.format(lua="/no.lua"), "loads /no.lua, which does not exist"),
        ("HEAD", "global\n  daemon\n", "'daemon' cannot stand in it"),
        ("HEAD", "global\n  maxconn 1\n", "has no 'expose-fd listeners'"),
    ],
)
def test_an_unusable_text_is_told_and_the_built_in_one_stays(process, tmp_path, name, text, reason):
    texts, (notice,) = usable(process, tmp_path, {f"HAPROXY_{name}": text})
    assert texts.overridden == {}
    assert reason in notice
    assert notice.endswith("the built-in text is used")


def test_a_head_of_the_operators_is_used(process, tmp_path):
    (tmp_path / "ours.lua").write_text("core.log(core.info, 'here')")
    texts, notices = usable(process, tmp_path, {"HAPROXY_HEAD": HEAD.format(lua=tmp_path / "ours.lua")})
    assert notices == ()
    assert set(texts.overridden) == {"HEAD"}
