from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.marathon.access import Credentials
from appliance.paths import Paths
from appliance.settings import FLOATING, Cluster, LoadBalancer, Marathon, Node, Settings, Vip, render
from appliance.setup import render as setup_render

SETTINGS = Settings(
    vip=Vip("10.0.0.250", "eth0", 250),
    cluster=Cluster("10.0.0.1", (Node("n1", "10.0.0.1"),)),
    marathon=Marathon(("http://10.0.0.9:8080",)),
)


def texts(paths, existing=None, login=None):
    return {file.path: file for file in setup_render.files(paths, SETTINGS, existing, login)}


def test_a_settings_file_that_says_the_same_is_kept_with_its_comments():
    paths = Paths()
    commented = "# by ann\n" + render(SETTINGS)
    assert texts(paths, commented)[paths.settings].text == commented
    assert texts(paths, commented.replace('"n1"', '"n2"'))[paths.settings].text == render(SETTINGS)


def test_credentials_are_a_file_of_their_own_that_others_cannot_read():
    paths = Paths()
    file = texts(paths, login=Credentials("ann", "secret"))[paths.credentials]
    assert (file.text, file.mode, file.owner, file.secret) == (
        "ann:secret\n",
        0o640,
        "root:marathon-ha",
        True,
    )
    assert paths.credentials not in texts(paths)


def test_every_program_dies_with_supervisord_and_is_never_given_up():
    conf = texts(Paths())[Paths().supervisord_conf].text
    names = [line[9:-1] for line in conf.splitlines() if line.startswith("[program:")]
    assert names == ["haproxy", "lb", "health", "agent", "vrrp", "keepalived"]
    assert conf.count("--pdeathsig TERM -- ") == len(names)
    assert conf.count("startretries=1000000") == len(names)
    assert "programs=vrrp,keepalived\npriority=90" in conf


def test_where_marathon_runs_the_load_balancer_supervisord_does_not():
    floating = replace(SETTINGS, lb=LoadBalancer(mode=FLOATING))
    files = {file.path: file.text for file in setup_render.files(Paths(), floating, None, None)}
    conf = files[Paths().supervisord_conf]
    names = [line[9:-1] for line in conf.splitlines() if line.startswith("[program:")]
    assert names == ["health", "agent", "vrrp", "keepalived"]
    assert "[group:appliance]\nprograms=health,agent\n" in conf


def test_a_change_of_the_mode_leaves_the_vips_programs_alone():
    floating = replace(SETTINGS, lb=LoadBalancer(mode=FLOATING))
    here, there = (
        {file.path: file.text for file in setup_render.files(Paths(), settings, None, None)}
        for settings in (SETTINGS, floating)
    )
    of_vip = [files[Paths().supervisord_conf].partition("[program:vrrp]")[2] for files in (here, there)]
    assert of_vip[0]
    assert of_vip[0] == of_vip[1]


def test_only_what_needs_root_has_it():
    programs = setup_render.programs(Paths(), Path("/usr/bin"), LoadBalancer())
    assert [program.name for program in programs if not program.user] == ["haproxy", "vrrp", "keepalived"]


@pytest.mark.parametrize("root", ["/tmp/a%b", "/tmp/a b"])
def test_odd_characters_of_a_root_survive_supervisords_expansion(root):
    conf = texts(Paths(Path(root)))[Paths(Path(root)).supervisord_conf].text
    assert f'APPLIANCE_ROOT="{root}"'.replace("%", "%%") in conf
    assert "%b" not in conf.replace("%%b", "")


def test_the_unit_starts_this_installation():
    unit = texts(Paths())[Path("/etc/systemd/system/marathon-ha-appliance.service")].text
    assert f"ExecStart={setup_render.scripts()}/appliance run supervisord\n" in unit
    assert "APPLIANCE_ROOT" not in unit
    assert "KillMode=control-group" in unit
