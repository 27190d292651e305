"""What stands in the way is found on a real wire, said in one line, and nothing is written."""

from __future__ import annotations

import time

import pytest

from appliance import commands

VIP = ("--vip", "10.78.0.250")


def refused(wire, done, code, *words):
    """Exit code, one line of stderr with `words`, nothing written."""
    assert done.code == code, done.message
    failures = [line for line in done.errors.splitlines() if ": WARN " not in line]
    assert len(failures) == 1, done.errors
    for word in words:
        assert word in failures[0]
    assert not (wire.root / "etc/marathon-ha-appliance").exists()


def test_a_vip_outside_every_subnet(wire, marathon):
    done = wire.setup("--vip", "10.79.0.250", *marathon, "--yes")
    refused(wire, done, 1, "vip-subnet", "10.78.0.0/24 (wire0)")


def test_a_vip_that_already_answers_is_named_with_its_mac(wire, marathon):
    done = wire.setup("--vip", "10.78.0.3", *marathon, "--yes")
    refused(wire, done, 1, "vip-free", "10.78.0.3 already answers", wire.mac(wire.neighbour))


def test_a_peer_of_another_subnet_is_refused(wire, marathon):
    done = wire.setup(*VIP, *marathon, "--peer", "10.79.0.2", "--yes")
    refused(wire, done, 1, "peers", "10.79.0.2", "10.78.0.0/24")


def test_an_old_keepalived_is_named(wire, marathon):
    old = wire.folder / "keepalived"
    old.write_text("#!/bin/sh\necho 'Keepalived v2.0.10 (11/12,2018)' >&2\n")
    old.chmod(0o755)
    hide = ["sh", "-c", f'mount --bind {old} /usr/sbin/keepalived && "$@"', "hide"]
    done = wire.setup(*VIP, *marathon, "--yes", before=hide)
    refused(wire, done, 69, "keepalived", "v2.0.10", "2.1 or newer")


def test_a_vip_held_by_a_node_of_this_appliance_is_free_for_another(wire, marathon):
    wire.serve(9099, {"/status.json": {"vip": "10.78.0.3", "holds_vip": True, "name": "n2"}}, address="")
    done = wire.setup("--vip", "10.78.0.3", *marathon, "--dry-run")
    assert done.code == 0, done.message


def keepalived(folder):
    conf = folder / "stranger.conf"
    conf.write_text(
        "global_defs {\n vrrp_version 3\n}\n"
        "vrrp_instance STRANGER {\n state BACKUP\n interface wire0\n virtual_router_id 250\n priority 150\n"
        " advert_int 0.1\n virtual_ipaddress {\n  10.78.0.99/32\n }\n}\n"
    )
    pids = ["-p", folder / "k.pid", "-r", folder / "v.pid"]
    return ["keepalived", "-n", "-l", "-P", "-f", conf, *pids]


def test_a_stranger_with_our_virtual_router_id_is_named(wire, marathon):
    process = wire.start(wire.neighbour, keepalived(wire.folder))
    try:
        has_it = ["ip", "-n", wire.neighbour, "address", "show", "to", "10.78.0.99"]
        end = time.monotonic() + 15
        while not commands.run(has_it).output:
            assert time.monotonic() < end
            time.sleep(0.05)
        done = wire.setup(*VIP, *marathon, "--vrid", "250", "--yes")
        refused(wire, done, 1, "vrid-free", "250", "10.78.0.2", "10.78.0.99", "priority 150")
        done = wire.setup(*VIP, *marathon, "--dry-run")
        assert "WARN vrid-free: virtual router id 250 is used by 10.78.0.2" in done.errors
        assert "virtual_router_id = 251" in done.output
        assert wire.setup(*VIP, *marathon, "--vrid", "7", "--dry-run").code == 0
        assert wire.setup(*VIP, *marathon, "--peer", "10.78.0.2", "--dry-run").code == 0
    finally:
        process.terminate()
        process.wait()


def test_a_port_that_is_taken_is_named_with_the_process(wire, marathon):
    process = wire.start(wire.slave, ["python3", "-m", "http.server", "80"])
    end = time.monotonic() + 15
    listening = ["ip", "netns", "exec", wire.slave, "ss", "-Hltn", "sport = :80"]
    while not commands.run(listening).output:
        assert time.monotonic() < end
        time.sleep(0.05)
    done = wire.setup(*VIP, *marathon, "--yes")
    refused(wire, done, 1, "port-80", f"python3 (pid {process.pid})")


@pytest.mark.parametrize("engine", ["haproxy", "keepalived"])
def test_a_missing_engine_is_named_with_the_package(wire, marathon, engine):
    hide = ["sh", "-c", f'mount --bind /dev/null /usr/sbin/{engine} && "$@"', "hide"]
    done = wire.setup(*VIP, *marathon, "--yes", before=hide)
    refused(wire, done, 69, "engines", f"{engine} is not installed", f"apt-get install {engine}")


def test_without_root_it_says_so(wire, marathon):
    done = wire.setup(
        *VIP, *marathon, "--yes", before=["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    )
    refused(wire, done, 77, "root", "sudo")


def test_a_folder_that_the_programs_could_not_enter_is_named(wire, marathon):
    wire.folder.chmod(0o700)
    refused(wire, wire.setup(*VIP, *marathon, "--yes"), 1, "installation", f"{wire.folder} is closed")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--vipp", "10.78.0.250"], 64, "did you mean --vip?"),
        (["--vip", "10.78.0"], 64, "not an IPv4 address"),
        (["--vip", "10.78.0.250", "--peer", "n1=x"], 64, "not an IPv4 address"),
        (["--vip", "10.78.0.250", "--vrid", "0"], 64, "1 to 255"),
        (["--vip", "10.78.0.250", "--marathon", "m:8080"], 64, "http://"),
        (["--vip", "10.78.0.250", "--marathon", "http://u:pw@m:8080"], 1, "do not belong into a URL"),
        ([], 64, "--vip"),
        (
            ["--vip", "10.78.0.250", "--credentials-file", "/nowhere"],
            1,
            "/nowhere: the credentials",
        ),
    ],
)
def test_a_command_line_that_makes_no_sense(wire, words, code, said):
    refused(wire, wire.setup(*words), code, said)


@pytest.mark.parametrize(
    ("text", "said"), [("[vip", "not valid TOML"), ("[vpi]\n", "unknown key 'vpi'"), ("", "required")]
)
def test_a_broken_settings_file_is_named_and_left_alone(wire, marathon, text, said):
    file = wire.root / "etc/marathon-ha-appliance/appliance.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    before = wire.tree()
    done = wire.setup(*VIP, *marathon, "--yes")
    assert done.code == 1
    assert len(done.errors.splitlines()) == 1
    assert str(file) in done.errors
    assert said in done.errors
    assert wire.tree() == before
