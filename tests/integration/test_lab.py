"""The lab itself: isolated, each slave a node of its own, gone without a trace."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from appliance import commands
from appliance.lab import machine, network, state
from appliance.lab.lab import Lab
from appliance.lab.topology import NAMESPACES, topology

APPLIANCE = Path(sys.prefix) / "bin/appliance"

THING = """
[Service]
ExecStartPre=/usr/bin/touch /run/before
ExecStart=/bin/sh -c 'sleep 601 & (setsid sleep 602 &) ; exec sleep 600'
ExecStopPost=/usr/bin/touch /run/after
RuntimeDirectory=thing
Restart=always
RestartSec=100ms
LimitNOFILE=4096
[Install]
WantedBy=multi-user.target
"""
"""A service whose main process has a child and an orphan in a session of its own."""


def appliance(*words, timeout_s=30):
    return commands.run([APPLIANCE, *words], timeout_s=timeout_s)


def machine_state():
    """What a lab could leave on this machine: mounts, links, processes in its namespaces, its folder."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return {
        "mounts": [mount for mount in mounts if "mha-" in mount],
        **netns_folder(),
        "links": links(),
        "namespaces": [name for name in NAMESPACES if Path("/run/netns", name).exists()],
        "folder": Path("/run/mha-lab").exists(),
        "forwarding": Path("/proc/sys/net/ipv4/ip_forward").read_text(),
    }


def netns_folder():
    """Nothing can be said of it while others have namespaces there."""
    strangers = [path for path in Path("/run").glob("netns/*") if path.name not in NAMESPACES]
    return {} if strangers else {"netns folder": Path("/run/netns").exists()}


def changes_since(before):
    after = machine_state()
    return {key: (before[key], after[key]) for key in before if key in after and before[key] != after[key]}


def links():
    """Interfaces of the machine itself that have a name of the lab's."""
    names = ("br0", *(each.port for each in topology().machines))
    return [path.name for path in Path("/sys/class/net").iterdir() if path.name in names]


@contextmanager
def half_a_lab():
    """Network, one booted slave and a program on the master."""
    before = machine_state()
    made_netns_folder = not network.folder_is_mounted()
    state.claim()
    wanted = topology()
    try:
        state.save(state.State(wanted, made_netns_folder))
        network.create(wanted)
        machine.boot(wanted.slaves[0])
        machine.booted(wanted.slaves[0])
        machine.launch(wanted.master, ["sleep", "600"], "mha-master")
        yield wanted, before
    finally:
        if state.remains():
            appliance("lab", "down")


@pytest.fixture
def without_lab(root):  # noqa: ARG001 - needed to be root, not its value
    if state.remains():
        pytest.fail("these tests make and end labs of their own: they have to come before the shared one")


# --- before the shared lab: labs of their own


@pytest.mark.usefixtures("without_lab")
class TestWithoutALab:
    def test_down_says_that_nothing_runs(self):
        done = appliance("lab", "down")
        assert (done.code, done.errors) == (3, "appliance: no lab is running\n")

    @pytest.mark.parametrize(
        "verb", [["status"], ["exec", "slave-1", "true"], ["fault", "kill-lb", "slave-1"], ["load"]]
    )
    def test_what_needs_a_lab_says_how_to_start_one(self, verb):
        done = appliance("lab", *verb)
        assert done.code == 3
        assert "appliance lab up" in done.errors

    @pytest.mark.parametrize(
        "words",
        [
            [],
            ["explode"],
            ["up", "--speed", "9"],
            ["exec"],
            ["exec", "slave-1"],
            ["fault", "kill-lb"],
            ["load", "--duration", "0"],
        ],
    )
    def test_a_wrong_command_line_is_a_usage_error_in_one_line(self, words):
        done = appliance("lab", *words)
        assert done.code == 64
        assert len(done.errors.splitlines()) == 1

    def test_a_vip_outside_the_network_is_refused_before_anything_is_made(self):
        done = appliance("lab", "up", "--vip", "192.0.2.1")
        assert (done.code, len(done.errors.splitlines())) == (1, 1)
        assert not state.remains()

    def test_down_ends_a_half_made_lab_and_leaves_nothing(self):
        with half_a_lab() as (_, before):
            assert appliance("lab", "down").code == 0
            assert changes_since(before) == {}
            assert appliance("lab", "down").code == 3

    def test_down_leaves_nothing_after_the_lab_was_killed(self):
        with half_a_lab() as (wanted, before):
            for name in (wanted.slaves[0].name, wanted.master.name):
                for pid in network.processes(name):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            assert appliance("lab", "down").code == 0
            assert changes_since(before) == {}

    def test_a_second_up_is_refused_and_leaves_the_first_alone(self):
        with half_a_lab() as (wanted, _):
            done = appliance("lab", "up")
            assert done.code == 1
            assert "already running" in done.errors
            assert machine.init_pid(wanted.slaves[0]) is not None

    def test_every_part_of_the_lab_ends_with_its_init(self):
        with half_a_lab() as (wanted, _):
            slave = wanted.slaves[0]
            os.kill(machine.init_pid(slave), signal.SIGKILL)
            machine.end_processes([slave.name])
            assert network.processes(slave.name) == []

    def test_an_interrupted_up_leaves_nothing(self):
        before = machine_state()
        process = commands.start([APPLIANCE, "lab", "up"], stdout=commands.PIPE, stderr=commands.STDOUT)
        with process:
            while b"booted" not in process.stdout.readline():
                assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
        assert process.returncode == 130
        assert changes_since(before) == {}

    @pytest.mark.timeout(400)
    def test_the_demo_shows_everything_and_leaves_nothing(self):
        before = machine_state()
        done = appliance("lab", "demo", timeout_s=380)
        assert done.code == 0, done.output + done.errors
        assert "nothing of it stays" in done.output.splitlines()[-1]
        assert changes_since(before) == {}

    def test_a_slaves_services_are_kept_running_as_systemd_does(self):
        with half_a_lab() as (wanted, _):
            name = wanted.slaves[0].name
            lab = Lab(state.State(wanted, made_netns_folder=False))

            def pids():
                return lab.exec(name, "pgrep", "-f", "sleep 60[012]").output.split()

            assert lab.exec(name, "tee", "/etc/systemd/system/thing.service", stdin=THING).code == 0
            for words in (["daemon-reload"], ["enable", "--now", "thing"], ["is-active", "--quiet", "thing"]):
                assert lab.exec(name, "systemctl", *words).code == 0, words
            first = lab.wait("main process, child and orphan", lambda: len(found := pids()) == 3 and found)
            assert lab.exec(name, "ls", "/run/thing", "/run/before").code == 0

            lab.exec(name, "kill", "-9", lab.exec(name, "pgrep", "-o", "-f", "sleep 600").output.strip())
            again = lab.wait("all three anew", lambda: len(found := pids()) == 3 and not {*found} & {*first})
            assert again
            assert lab.exec(name, "ls", "/run/after").code == 0, "ExecStopPost ran"

            assert lab.exec(name, "systemctl", "stop", "thing").code == 0
            assert pids() == [], "the orphan too"
            assert lab.exec(name, "systemctl", "is-active", "thing").code == 3
            assert lab.exec(name, "systemctl", "is-enabled", "thing").output == "enabled\n"

            lab.fault("power-off", name)
            lab.fault("power-on", name)
            lab.wait("enabled services start at boot", lambda: len(pids()) == 3)

            assert lab.exec(name, "systemctl", "disable", "--now", "thing").code == 0
            assert lab.exec(name, "systemctl", "mask", "haproxy", "keepalived").code == 0
            refused = lab.exec(name, "systemctl", "start", "haproxy")
            assert (refused.code, refused.errors) == (1, "Unit haproxy.service is masked.\n")


# --- the shared lab


@pytest.mark.usefixtures("lab")
def test_the_machine_itself_gets_no_interface_of_the_lab():
    assert links() == []


def test_no_machine_has_a_way_out(lab):
    for each in lab.topology.machines:
        routes = lab.exec(each.name, "ip", "route").output.splitlines()
        assert [route.split()[0] for route in routes] == [lab.topology.network]


def test_a_slave_has_its_own_name_files_and_processes(lab):
    first, second = (slave.name for slave in lab.topology.slaves[:2])
    try:
        for name in (first, second):
            assert lab.exec(name, "hostname").output.strip() == name
            marks = [
                f"/{folder}/mark-of-a-test" for folder in ("etc", "usr", "var/lib", "var/log", "run", "tmp")
            ]
            assert lab.exec(name, "ls", *marks).output == "", "the other slave's files are not here"
            assert lab.exec(name, "touch", *marks).code == 0
            assert not any(Path(mark).exists() for mark in marks)
        assert lab.exec(first, "cat", "/proc/1/cmdline").output.split("\0")[3:5] == [
            "appliance.lab.init",
            first,
        ]
    finally:
        for name in (first, second):
            lab.exec(name, "sh", "-c", "rm -f /*/mark-of-a-test /var/*/mark-of-a-test")


def test_unprivileged_users_of_a_slave_reach_the_installation(lab):
    done = lab.exec("slave-1", "setpriv", "--reuid=65534", "--clear-groups", "--", APPLIANCE, "--version")
    assert done.code == 0, done.errors


def test_the_lab_needs_root(lab):
    done = lab.exec("slave-1", "setpriv", "--reuid=65534", "--clear-groups", "--", APPLIANCE, "lab", "up")
    assert done.code == 77
    assert len(done.errors.splitlines()) == 1


def test_a_slave_knows_its_mesos_masters(lab):
    expected = f"zk://{lab.topology.master.address}:2181/mesos\n"
    assert lab.exec("slave-1", "cat", "/etc/mesos/zk").output == expected


@pytest.mark.usefixtures("lab")
def test_exec_passes_exit_code_and_input_on():
    done = commands.run([APPLIANCE, "lab", "exec", "slave-1", "sh", "-c", "cat; exit 7"], stdin="said\n")
    assert (done.code, done.output) == (7, "said\n")
    assert appliance("lab", "exec", "client", "--", "true").code == 0


def test_status_names_the_owner_of_the_vip(lab):
    owner = lab.wait_healthy()
    done = appliance("lab", "status")
    assert done.code == 0
    assert f"held by {owner.name}" in done.output


def test_the_printed_addresses_answer_on_this_machines_loopback(lab):
    for label, url in lab.published.items():
        assert url.startswith("http://127.0.0.1:")
        done = commands.run(["curl", "-s", "-o", os.devnull, "-w", "%{http_code}", url])
        expected = ("503", "200") if label.startswith("VIP") else ("200",)
        assert done.output in expected, (label, url, done)


def test_faults_are_listed():
    done = appliance("lab", "fault", "--list")
    assert done.code == 0
    assert "kill-haproxy" in done.output


def test_a_pulled_cable_moves_the_vip_and_plugging_it_in_brings_it_back(lab):
    owner = lab.wait_healthy()
    try:
        lab.fault("link-down", owner.name)
        lab.wait("the VIP is elsewhere", lambda: [h.name for h in lab.holders()] not in ([], [owner.name]))
    finally:
        lab.fault("link-up", owner.name)
    lab.wait("the VIP is back", lambda: lab.owner() == owner)
    lab.wait_healthy()


def test_a_slave_without_power_is_off_and_boots_again_from_its_disk(lab):
    owner = lab.wait_healthy()
    lab.exec(owner.name, "touch", "/var/lib/kept", "/run/lost")
    try:
        lab.fault("power-off", owner.name)
        assert network.processes(owner.name) == []
        assert appliance("lab", "exec", owner.name, "true").code == 3
        heir = lab.wait("another owner", lab.owner)
        assert heir != owner
    finally:
        lab.fault("power-on", owner.name)
    assert lab.exec(owner.name, "ls", "/var/lib/kept").code == 0
    assert lab.exec(owner.name, "ls", "/run/lost").code != 0
    lab.wait("the VIP is back", lambda: lab.owner() == owner, 40)
    lab.wait_healthy()


def test_services_come_back_when_supervisord_dies(lab):
    slave = lab.topology.slaves[2]
    lab.fault("kill-supervisord", slave.name)
    lab.wait_healthy(40)


@pytest.mark.usefixtures("lab")
def test_load_prints_a_summary_as_json():
    done = appliance("lab", "load", "--duration", "0.3", "--json")
    assert done.code == 0, done.errors
    assert '"requests"' in done.output
