"""`appliance-lb run`: HAProxy and generator together in the foreground, as marathon-lb's image runs them."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest
from netns import Namespace
from small_marathon import SmallMarathon

from appliance import commands, files
from appliance.haproxy import runtime

LB = Path(sys.executable).parent / "appliance-lb"


class Container:
    """A namespace with a Marathon, one task, and an /etc/ssl of its own."""

    def __init__(self):
        self.namespace = Namespace()
        self.folder = Path(tempfile.mkdtemp(prefix="tr-", dir="/tmp"))
        self.ours = self.folder / "appliance-lb"
        self.log = self.folder / "log"
        self.marathon = self.namespace.connect(SmallMarathon)
        self.namespace.serve(31001, "31001")
        self.serves(31001)
        self.running = None

    def run(self, *words, mode="sse", **variables):
        env = {**os.environ, "MESOS_SANDBOX": str(self.folder), **variables}
        hide_ssl = "cp /etc/ssl/openssl.cnf . && mount -t tmpfs tr /etc/ssl && cp openssl.cnf /etc/ssl"
        with self.log.open("ab") as log:
            self.running = self.namespace.start(
                [
                    "sh",
                    "-c",
                    f'{hide_ssl} && exec "$@"',
                    "-",
                    LB,
                    "run",
                    mode,
                    "--marathon",
                    self.marathon.url,
                    "--group",
                    "external",
                    *map(str, words),
                ],
                stdout=log,
                stderr=commands.STDOUT,
                env=env,
                cwd=self.folder,
            )

    def serves(self, port):
        labels = {"HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": "web.example"}
        self.marathon.runs("/web", port, labels=labels)

    def ask(self, *arguments, **keywords):
        try:
            return self.namespace.ask(*arguments, **keywords)
        except OSError:
            return 0, {}, ""

    def until(self, true, timeout_s=40):
        deadline = time.monotonic() + timeout_s
        while not true():
            assert time.monotonic() < deadline, self.log.read_text()
            assert self.running.poll() is None, self.log.read_text()
            time.sleep(0.02)

    def until_served(self):
        self.until(lambda: self.ask(headers={"Host": "web.example"})[0] == 200)

    def certificate_of(self, name):
        """Common name of what :443 shows to a client that asks for `name`, and the protocol chosen."""

        def connect():
            tls = ssl.create_default_context()
            tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
            tls.set_alpn_protocols(["h2", "http/1.1"])
            connection = HTTPConnection("127.0.0.1", 443, timeout=10)
            connection.connect()
            with tls.wrap_socket(connection.sock, server_hostname=name) as secure:
                pem = ssl.DER_cert_to_PEM_cert(secure.getpeercert(binary_form=True))
                return pem, secure.selected_alpn_protocol()

        pem, protocol = self.namespace.connect(connect)
        subject = commands.run(["openssl", "x509", "-noout", "-subject", "-nameopt", "RFC2253"], stdin=pem)
        return subject.output.strip().removeprefix("subject=CN="), protocol

    def close(self):
        if self.running is not None and self.running.poll() is None:
            self.running.terminate()
            self.running.wait(40)
            master = self.ours / "master.sock"
            while _answers(master):
                time.sleep(0.02)
        self.marathon.close()
        self.namespace.close()
        shutil.rmtree(self.folder)


def _answers(master):
    try:
        return bool(runtime.processes(master).master)
    except Exception:  # noqa: BLE001 - whatever it is, nobody answers
        return False


@pytest.fixture
def container(root):  # noqa: ARG001 - asks for root
    container = Container()
    try:
        yield container
    finally:
        container.close()


def certificate(folder, name, *, days=365):
    folder.mkdir(exist_ok=True)
    key, pem = folder / "key.tmp", folder / f"{name}.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", str(days)]
    done = commands.run([*argv, "-subj", f"/CN={name}", "-keyout", key, "-out", f"{pem}.tmp"])
    assert done.code == 0, done.message
    text = Path(f"{pem}.tmp").read_text() + key.read_text()
    key.unlink()
    Path(f"{pem}.tmp").unlink()
    files.replace(pem, text, mode=0o600)
    return pem


def test_it_serves_passes_signals_on_and_ends_with_sigterm(container):
    container.run("--haproxy-map", PORTS="80,443", HAPROXY_SYSCTL_PARAMS="net.ipv4.tcp_tw_reuse=1")
    container.until_served()
    ask = container.ask
    assert ask(9090, "/_haproxy_getvhostmap")[2] == "web.example web_10000\n"
    assert ask(9090, "/_haproxy_getappmap")[2] == "/web web_10000\n"
    assert ask(9090, "/_haproxy_getconfig")[2] == (container.ours / "haproxy.cfg").read_text()
    pids = ask(9090, "/_haproxy_getpids")[2].split()
    assert len(pids) == 2

    container.namespace.serve(31002, "31002")
    container.serves(31002)
    status, headers, body = ask(9090, "/_mlb_signal/hup")
    assert (status, headers["content-type"]) == (200, "text/plain")
    assert body == "Sent SIGHUP signal to marathon-lb"
    container.until(lambda: ask(headers={"Host": "web.example"})[2].startswith("31002"))
    before = ask(9090, "/_haproxy_getpids")[2].split()
    assert ask(9090, "/_mlb_signal/usr1")[2] == "Sent SIGUSR1 signal to marathon-lb"
    container.until(lambda: set(ask(9090, "/_haproxy_getpids")[2].split()) - set(before))
    assert ask(9090, "/_mlb_signal/hup", source=Namespace.OUTSIDE)[0] == 403

    container.running.send_signal(signal.SIGTERM)
    assert container.running.wait(30) == 0
    assert not Path(f"/proc/{pids[0]}").exists()
    assert "PORTS=80,443" in container.log.read_text()
    assert (container.ours / "haproxy.cfg.1").exists()


def test_a_haproxy_that_dies_is_started_again(container):
    container.run(mode="poll", POLL_INTERVAL="0.2")
    container.until_served()
    master = int(container.ask(9090, "/_haproxy_getpids")[2].split()[0])
    os.kill(master, signal.SIGKILL)
    container.until(lambda: not Path(f"/proc/{master}").exists())
    container.until_served()
    assert "it is started again" in container.log.read_text()
    container.namespace.serve(31002, "31002")
    container.serves(31002)  # and the interval is heeded
    container.until(lambda: container.ask(headers={"Host": "web.example"})[2].startswith("31002"))


def test_certificates_are_chosen_by_name_and_renewed_without_a_restart(container):
    folder = container.folder / "certificates"
    first, other = certificate(folder, "a.example"), certificate(folder, "b.example", days=20)
    (folder / "broken.pem").write_text("no certificate")
    from_environment = certificate(container.folder / "env", "env.example").read_text()
    container.run("--ssl-certs", folder, HAPROXY_SSL_CERT=from_environment.replace("\n", "\\n"))
    container.until_served()
    assert container.certificate_of("b.example") == ("b.example", "h2")
    assert container.certificate_of("a.example")[0] == "a.example"
    assert container.certificate_of("env.example")[0] == "env.example"
    assert container.certificate_of("unknown.example")[0] == "a.example"
    told = container.log.read_text()
    assert f"certificate {folder}/broken.pem: unable to load" in told
    assert f"certificate {other} expires on " in told
    assert f"certificate {first} " not in told

    shutil.copy(certificate(container.folder / "new", "c.example"), folder / "c.example.pem")
    container.until(lambda: container.certificate_of("c.example")[0] == "c.example")
    first.unlink()
    container.until(lambda: container.certificate_of("a.example")[0] == "b.example")


def test_lua_files_that_load_are_loaded_and_others_are_told(container):
    lua = container.folder / "etc/marathon-ha-appliance/lua"
    lua.mkdir(parents=True)
    (lua / "good.lua").write_text('core.register_fetches("one", function(txn) return "1" end)\n')
    (lua / "bad.lua").write_text("nonsense(\n")
    container.run("--root", container.folder)
    container.until_served()
    assert f"  lua-load {lua}/good.lua\n" in container.ask(9090, "/_haproxy_getconfig")[2]
    assert f"Lua file {lua}/bad.lua: " in container.log.read_text()


@pytest.mark.parametrize(
    ("words", "variables", "complaint"),
    [
        ([], {"VAULT_TOKEN": "t"}, "VAULT_TOKEN: credentials are not fetched from Vault"),
        ([], {"POLL_INTERVAL": "often"}, "POLL_INTERVAL: 'often'"),
        ([], {"HAPROXY_GLOBAL_DEFAULT_OPTIONS": "a;b"}, "HAPROXY_GLOBAL_DEFAULT_OPTIONS: "),
    ],
)
def test_an_environment_that_cannot_be_meant_is_one_line(container, words, variables, complaint):
    container.run(*words, **variables)
    assert container.running.wait(40) == 2
    assert complaint in container.log.read_text()
    assert len(container.log.read_text().splitlines()) == 1
