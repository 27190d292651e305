"""A domain and its VIP, by a real name server in the lab."""

from __future__ import annotations

import contextlib
import json
import signal

import pytest

from appliance import commands

pytestmark = pytest.mark.timeout(120)

DOMAIN = "shop.example.com"
SETTINGS = "/etc/marathon-ha-appliance/appliance.toml"
RESOLVER = "/etc/resolv.conf"


class NameServer:
    """dnsmasq on the master, with nothing but the given lines."""

    def __init__(self, lab, folder, lines):
        self.address = lab.topology.master.address
        config = folder / "dnsmasq.conf"
        config.write_text("\n".join(["no-resolv", "no-hosts", "user=root", *lines, ""]))
        argv = ["dnsmasq", "--keep-in-foreground", f"--conf-file={config}", "--pid-file"]
        argv += [f"--listen-address={self.address}", "--bind-interfaces", "--log-facility=-"]
        self.process = commands.start(
            ["ip", "netns", "exec", lab.topology.master.name, *argv], stderr=commands.PIPE
        )
        assert b"started" in self.process.stderr.readline()

    def send(self, number):
        self.process.send_signal(number)


@contextlib.contextmanager
def name_server(lab, folder, *lines):
    server = NameServer(lab, folder, lines)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.communicate()


@pytest.fixture
def slave(lab):
    """A slave that asks the master for names; its settings and resolver are as before afterwards."""
    chosen = lab.topology.slaves[0]
    before = {path: lab.exec(chosen.name, "cat", path).output for path in (SETTINGS, RESOLVER)}
    write(lab, chosen, RESOLVER, f"nameserver {lab.topology.master.address}\n")
    yield chosen
    for path, text in before.items():
        write(lab, chosen, path, text)


def write(lab, slave, path, text):
    """Whole or not at all, for a program reads it at any time."""
    script = 'cat > "$1.new" && chmod 644 "$1.new" && mv "$1.new" "$1"'
    done = lab.exec(slave.name, "sh", "-c", script, "write", path, stdin=text)
    assert done.code == 0, done.errors


def domain_alarms(lab, slave):
    """Ids of those about the domain, and the whole status; its exit code tells that there are alarms."""
    done = lab.exec(slave.name, "appliance", "status", "-f", "json")
    found = json.loads(done.output)
    ids = [alarm["id"] for alarm in found["alarms"] if alarm["id"].startswith("DOMAIN-")]
    assert done.code == 2 or not ids
    return ids


def await_alarms(lab, slave, *wanted):
    lab.wait(f"alarms {wanted}", lambda: domain_alarms(lab, slave) == list(wanted), 60)


def test_a_domain_is_led_to_the_vip_by_the_lines_that_are_printed(lab, slave, tmp_path):
    check = (slave.name, "appliance", "dns", "check")
    with name_server(lab, tmp_path, f"address=/{DOMAIN}/{slave.address}"):
        done = lab.exec(slave.name, "appliance-setup", "--domain", DOMAIN, "--yes", timeout_s=60)
        assert done.code == 0, done.errors
        assert f"WARN domain: {DOMAIN} points at {slave.name}'s own {slave.address}" in done.errors
        await_alarms(lab, slave, "DOMAIN-AT-NODE")
        assert lab.exec(*check).code == 2

    lines = lab.exec(slave.name, "appliance", "dns", "lines", "dnsmasq").output.splitlines()
    with name_server(lab, tmp_path, *lines, "local-ttl=900") as server:
        done = lab.exec(*check)
        assert (done.code, done.output) == (
            0,
            f"OK  {DOMAIN} is {lab.vip} by this machine's resolver\n",
        )
        done = lab.exec(*check, "--server", server.address)
        assert done.code == 0
        assert f"OK  {DOMAIN} is {lab.vip} by {server.address}\nnote  its TTL is 900 s" in done.output
        # A name below the domain, as the virtual host of an app; the agent looks at once after an edit.
        text = lab.exec(slave.name, "cat", SETTINGS).output
        write(lab, slave, SETTINGS, text.replace(DOMAIN, f"www.{DOMAIN}"))
        await_alarms(lab, slave)
        said = lab.exec(slave.name, "appliance", "status").output
        assert f"domain www.{DOMAIN} is {lab.vip} on {slave.name}" in said
        assert lab.exec(*check, "--domain", "other.example").output.startswith("DOMAIN-")

        server.send(signal.SIGSTOP)
        done = lab.exec(*check)
        assert done.code == 2
        assert "DOMAIN-NO-ANSWER" in done.output
        write(lab, slave, SETTINGS, text.replace(DOMAIN, f"silent.{DOMAIN}"))
        await_alarms(lab, slave, "DOMAIN-NO-ANSWER")


def test_a_hosts_file_with_the_printed_lines_is_enough_for_one_machine(lab, slave):
    lines = (slave.name, "appliance", "dns", "lines", "--domain", DOMAIN)
    before = lab.exec(slave.name, "cat", "/etc/hosts").output
    write(lab, slave, "/etc/hosts", before + lab.exec(*lines, "hosts").output)
    try:
        done = lab.exec(slave.name, "appliance", "dns", "check", "--domain", DOMAIN)
        assert (done.code, done.output) == (0, f"OK  {DOMAIN} is {lab.vip} by this machine's resolver\n")
    finally:
        write(lab, slave, "/etc/hosts", before)
