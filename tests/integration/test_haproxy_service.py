"""Acting on a real HAProxy: check, replace, reload, and take back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from netns import Namespace
from real_haproxy import Haproxy

from appliance import commands
from appliance.errors import EngineError, NotRunningError
from appliance.haproxy import certificates, runtime
from appliance.haproxy.culprits import culprits
from appliance.haproxy.generations import MAPS_FOLDER
from appliance.haproxy.model import Backend, Check, CheckKind, Frontend, LoadBalancer, Mode, Route, Server
from appliance.haproxy.reload import CommandReload
from appliance.haproxy.render import render
from appliance.haproxy.service import RefusedError, Service


def serving(*ports, extra=(), host="a.example"):
    servers = tuple(Server(f"s{port}", "127.0.0.1", port, port - 31000) for port in ports)
    return LoadBalancer(
        routes=(Route(host, "", ("a_80",)),),
        backends=(Backend("a_80", Mode.HTTP, "roundrobin", servers), *extra),
    )


BROKEN = Backend("broken_80", Mode.HTTP, "no-such-algorithm", ())


@pytest.fixture
def haproxy(root):  # noqa: ARG001 - asks for root
    namespace = Namespace()
    haproxy = Haproxy(namespace)
    try:
        yield haproxy
    finally:
        haproxy.close()
        namespace.close()


def asked(haproxy, host="a.example"):
    status, _, body = haproxy.namespace.ask(headers={"Host": host})
    return body.split()[0] if status == 200 else status


def test_a_reload_is_acknowledged_by_the_new_worker(haproxy):
    haproxy.namespace.serve(31001, "one")
    haproxy.namespace.serve(31002, "two")
    haproxy.start(serving(31001))
    before = runtime.processes(haproxy.master)
    assert asked(haproxy) == "one"

    haproxy.apply(serving(31002))
    assert asked(haproxy) == "two"
    after = runtime.processes(haproxy.master)
    assert after.master == before.master
    assert after.workers != before.workers
    assert haproxy.service.running() == render(serving(31002), haproxy.process).structure
    assert set(haproxy.service.reloads.pids()) == set(after.pids)


def test_configuration_and_maps_change_by_one_rename(haproxy):
    haproxy.start(serving())
    haproxy.apply(serving(host="b.example"))
    maps = haproxy.folder / MAPS_FOLDER.search(haproxy.config.read_text())[0]
    assert (maps / "domain2backend.map").read_text() == "b.example a_80\n"
    assert not list(haproxy.folder.glob(".*"))


def test_a_refused_configuration_changes_neither_the_file_nor_the_worker(haproxy):
    haproxy.namespace.serve(31001, "one")
    haproxy.start(serving(31001))
    text, pids = haproxy.config.read_text(), haproxy.service.reloads.pids()
    with pytest.raises(RefusedError, match="no-such-algorithm"):
        haproxy.apply(serving(31001, extra=(BROKEN,)))
    assert haproxy.config.read_text() == text
    assert haproxy.service.reloads.pids() == pids
    assert asked(haproxy) == "one"


def test_a_reload_that_fails_keeps_the_worker_and_takes_the_file_back(haproxy):
    haproxy.namespace.serve(31001, "one")
    haproxy.namespace.serve(10001, "a foreign process")
    haproxy.start(serving(31001))
    text, worker = haproxy.config.read_text(), runtime.processes(haproxy.master).workers
    taken = replace(serving(31001), frontends=(Frontend(10001, Mode.HTTP, ("a_80",)),))
    with pytest.raises(EngineError, match="could not load"):
        haproxy.apply(taken)
    assert haproxy.config.read_text() == text
    assert runtime.processes(haproxy.master).workers == worker
    assert asked(haproxy) == "one"

    haproxy.apply(serving(31001, host="b.example"))
    assert asked(haproxy, "b.example") == "one"


def test_without_a_running_haproxy_the_file_waits_for_its_start(haproxy):
    haproxy.namespace.serve(31001, "one")
    with pytest.raises(NotRunningError):
        haproxy.apply(serving(31001))
    haproxy.start()
    assert asked(haproxy) == "one"


def test_a_crashed_haproxy_comes_back_with_what_was_applied(haproxy):
    haproxy.namespace.serve(31001, "one")
    haproxy.start(serving())
    haproxy.apply(serving(31001))
    haproxy.crash()
    assert haproxy.service.running() == ""
    haproxy.start()
    assert asked(haproxy) == "one"


def test_the_guilty_backends_are_found_with_few_checks_and_the_rest_is_served(haproxy):
    harmless = tuple(Backend(f"b{n}_1", Mode.HTTP, "roundrobin", ()) for n in range(60))
    extra = (*harmless[:17], BROKEN, *harmless[17:])
    checks = []

    def check(load_balancer):
        checks.append(1)
        return haproxy.service.check(render(load_balancer, haproxy.process))

    found = culprits(serving(31001, extra=extra), check)
    assert list(found) == ["broken_80"]
    assert "no-such-algorithm" in found["broken_80"]
    assert len(checks) < 16


def test_a_command_is_judged_by_its_exit_code(tmp_path):
    haproxy_cfg = tmp_path / "haproxy.cfg"

    def service(haproxy, *words):
        return Service(haproxy_cfg, haproxy, CommandReload(words, tmp_path / "no.sock"))

    process = _process(tmp_path)
    with pytest.raises(EngineError, match="exit code 3: no way"):
        service(process, "sh", "-c", "echo no way; exit 3").apply(render(serving(), process))
    assert not haproxy_cfg.exists()
    service(process, "true").apply(render(serving(), process))
    good = haproxy_cfg.read_text()
    with pytest.raises(EngineError):
        service(process, "false").apply(render(serving(31001), process))
    assert haproxy_cfg.read_text() == good


def test_a_missing_or_broken_certificate_is_named_and_left_out(tmp_path):
    good, _ = certificates.self_signed(tmp_path)
    assert (tmp_path / "self-signed.pem").stat().st_mode & 0o777 == 0o600
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    store = certificates.Certificates()
    found, notices = store.found([str(tmp_path / "none.pem"), good, str(broken)])
    assert [certificate.path for certificate in found] == [good]
    assert f"{tmp_path}/none.pem: No such file" in notices[0]
    assert str(broken) in notices[1]


def test_replaced_configurations_are_kept_with_their_maps(tmp_path):
    process = _process(tmp_path)
    reloads = CommandReload(("true",), tmp_path / "haproxy.sock")
    service = Service(tmp_path / "haproxy.cfg", process, reloads, archive_versions=2)
    texts = []
    for ports in ((31001,), (31002,), (31003,), (31004,)):
        service.apply(render(serving(*ports), process))
        texts.append((tmp_path / "haproxy.cfg").read_text())
    kept = sorted(path.name for path in tmp_path.glob("haproxy.cfg.*"))
    assert kept == ["haproxy.cfg.1", "haproxy.cfg.2"]
    assert [(tmp_path / name).read_text() for name in kept] == [texts[2], texts[1]]
    for name in kept:
        assert commands.run(["haproxy", "-c", "-f", tmp_path / name]).code == 0


def _process(folder):
    from appliance.haproxy.model import Process

    return Process(str(folder), f"{folder}/haproxy.sock", f"{folder}/lb.sock", 4000)


def test_who_is_down_or_drained_stays_so_over_a_reload(haproxy):
    """With an hour between checks, a server that was found dead would be used again until it fails anew."""
    for port, name in ((31001, "one"), (31002, "two")):
        haproxy.namespace.serve(port, name)
    check = Check(CheckKind.TCP, "", 3600, 5, 1)
    checked, calm = serving(31001, 31002).backends[0], serving(31003, 31004).backends[0]
    backends = (replace(checked, check=check), replace(calm, name="b_80"))
    haproxy.start(replace(serving(), backends=backends))
    for words in ("set server a_80/s31002 health down", "set server b_80/s31003 state drain"):
        assert not runtime.command(haproxy.process.socket, words).strip()

    def statuses():
        rows = [line.split(",") for line in haproxy.service.statistics().splitlines()]
        status = rows[0].index("status")
        return {row[1]: row[status].split()[0] for row in rows if row[1].startswith("s31")}

    before = statuses()
    assert (before["s31002"], before["s31003"]) == ("DOWN", "DRAIN")
    grown = replace(serving(), backends=(replace(serving(31005).backends[0], name="0_80"), *backends))
    haproxy.apply(grown)
    assert {**before, **statuses()} == statuses()
    assert asked(haproxy) == "one"

    other = replace(backends[0], check=replace(check, interval_s=1800))
    haproxy.apply(replace(grown, backends=(other, backends[1])))
    after = statuses()
    assert (after["s31002"], after["s31003"]) == ("UP", "DRAIN")
    haproxy.crash()
    haproxy.start()
    assert "DRAIN" not in statuses().values()
    told = [line for line in haproxy.log.read_text().splitlines() if "[WARNING]" in line]
    assert [line for line in told if "state file" in line] == []
