"""The command line of appliance-lb, with Marathon on a local port and no HAProxy running."""

from __future__ import annotations

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from appliance import commands
from appliance.cli import lb

APPS = Path(__file__).resolve().parents[2] / "golden" / "tutorial" / "apps.json"
NOBODY = "http://127.0.0.1:1"


class Marathon(BaseHTTPRequestHandler):
    status, body, asked = 200, b"", []

    def do_GET(self):
        self.asked.append((self.path, self.headers.get("Authorization")))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_):
        pass


@pytest.fixture
def marathon():
    answer = type("Answer", (Marathon,), {"body": APPS.read_bytes(), "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), answer)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    answer.url = f"http://127.0.0.1:{server.server_port}"
    yield answer
    server.shutdown()
    server.server_close()


@pytest.fixture
def run(capsys):
    """Run where no node is set up; returns exit code, stdout, stderr."""

    def run(*words):
        try:
            code = lb.main([*map(str, words), "--root", "/tmp/th-no-node"])
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def once(marathon, folder, *words, command="true", url=None):
    target = ["--haproxy-config", folder / "haproxy.cfg", "--command", command, "--log-level", "error"]
    return ["once", "--marathon", url or marathon.url, "--group", "external", *target, *words]


def test_once_writes_a_configuration_that_haproxy_accepts_without_a_warning(marathon, run, tmp_path):
    code, out, err = run(*once(marathon, tmp_path))
    assert (code, err) == (0, "")
    assert out.startswith(f"{tmp_path}/haproxy.cfg: applied: ")
    done = commands.run(["haproxy", "-c", "-f", tmp_path / "haproxy.cfg"])
    assert (done.code, done.output + done.errors) == (0, "Configuration file is valid\n")
    assert run(*once(marathon, tmp_path)) == (0, f"{tmp_path}/haproxy.cfg: unchanged\n", "")


def test_a_command_that_fails_is_no_success_and_is_tried_again(marathon, run, tmp_path):
    code, out, err = run(*once(marathon, tmp_path, command="sh -c 'echo no such service; exit 4'"))
    assert (code, out) == (1, "")
    assert "failed with exit code 4: no such service" in err
    assert not (tmp_path / "haproxy.cfg").exists()
    assert run(*once(marathon, tmp_path))[0] == 0


def test_a_reload_is_tried_again_as_often_as_asked(marathon, run, tmp_path):
    tries = ["--max-reload-retries", "2", "--reload-interval", "0.01"]
    code, _, err = run(*once(marathon, tmp_path, *tries, command=f"sh -c 'echo >> {tmp_path}/ran; false'"))
    assert code == 1
    assert "failed with exit code 1" in err
    assert (tmp_path / "ran").read_text() == "\n" * 3


def test_without_marathon_nothing_is_written_and_each_master_is_named(marathon, run, tmp_path):
    marathon.status = 503
    code, out, err = run(*once(marathon, tmp_path, "-m", NOBODY))
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert f"{marathon.url} HTTP 503" in err
    assert f"{NOBODY} refuses the connection" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["-m", "{bad}", "{good}"], ["-m", "{bad}", "-m", "{good}"]])
def test_masters_accumulate_however_they_are_given(marathon, run, tmp_path, words):
    named = [word.format(bad=NOBODY, good=marathon.url) for word in words]
    assert run(*once(marathon, tmp_path, *named, url=NOBODY))[0] == 0


def test_dry_prints_always_and_changes_nothing(marathon, run, tmp_path):
    code, out, _ = run("--dry", *once(marathon, tmp_path)[1:])
    assert code == 0
    assert "backend nginx2_80\n" in out
    assert list(tmp_path.iterdir()) == []
    run(*once(marathon, tmp_path))
    assert run("-d", *once(marathon, tmp_path)[1:]) == (0, out, "")


def test_credentials_come_from_a_file_or_the_command_line(marathon, run, tmp_path):
    file = tmp_path / "credentials"
    file.write_text("bob:se:cret\n")
    file.chmod(0o600)
    run(*once(marathon, tmp_path, "--marathon-auth-credential-file", file, "--auth-credentials", "x:y"))
    run(*once(marathon, tmp_path, "--auth-credentials", "x:y"))
    assert [header for _, header in marathon.asked] == ["Basic Ym9iOnNlOmNyZXQ=", "Basic eDp5"]
    code, _, err = run(*once(marathon, tmp_path, "--auth-credentials", "nobody"))
    assert code == 1
    assert "--auth-credentials" in err


def test_a_missing_certificate_is_named_and_the_rest_goes_on(marathon, run, tmp_path):
    code, _, err = run(
        *once(marathon, tmp_path, "--ssl-certs", f"{tmp_path}/none.pem", "--log-level", "warning")
    )
    assert code == 0
    assert f"certificate {tmp_path}/none.pem: No such file or directory" in err
    assert f"crt {tmp_path}/self-signed.pem" in (tmp_path / "haproxy.cfg").read_text()


def test_ports_80_and_443_can_be_left_alone(marathon, run, tmp_path):
    assert run(*once(marathon, tmp_path, "--dont-bind-http-https"))[0] == 0
    text = (tmp_path / "haproxy.cfg").read_text()
    assert "marathon_http_in" not in text
    assert "marathon_https_in" not in text


def test_a_folder_too_long_for_sockets_gets_a_short_one(marathon, run, tmp_path):
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    code, _, err = run(*once(marathon, folder, "--log-level", "warning"))
    assert code == 0
    assert "is too long a name for unix sockets" in err
    text = (folder / "haproxy.cfg").read_text()
    sockets = Path(text.partition("stats socket ")[2].split()[0]).parent
    assert sockets.stat().st_mode & 0o777 == (0o711 if os.geteuid() == 0 else 0o700)
    sockets.rmdir()


def test_a_folder_that_is_missing_is_named(marathon, run, tmp_path):
    code, _, err = run(*once(marathon, tmp_path / "none"))
    assert code == 1
    assert f"there is no folder {tmp_path}/none" in err


def test_a_broken_app_leaves_out_only_itself(marathon, run, tmp_path):
    apps = json.loads(APPS.read_text())
    apps["apps"][0]["labels"]["HAPROXY_0_PORT"] = "eighty"
    marathon.body = json.dumps(apps).encode()
    code, _, err = run(*once(marathon, tmp_path, "--log-level", "warning"))
    assert code == 0
    assert "/nginx is not served as it asks: HAPROXY_0_PORT" in err
    text = (tmp_path / "haproxy.cfg").read_text()
    assert "backend nginx2_80\n" in text
    assert "backend nginx_80\n" not in text


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["once"], "argument --group is required"),
        (["once", "--gruop", "x"], "unknown argument --gruop, did you mean --group?"),
        (["twice"], "unknown mode 'twice'"),
        (["once", "--group", "x", "--haproxy-config", "/tmp/haproxy.cfg"], "argument --command is required"),
        (["once", "--group", "x", "--log-level", "loud"], "--log-level loud"),
        (["once", "--group", "x", "--log-format", "%(no"], "--log-format"),
        (["once", "--group", "x", "--command", "'"], "--command"),
        (["once", "--group", "x", "--min-serv-port-ip-per-task", "0"], "--min-serv-port-ip-per-task"),
        (["once", "--max-backoff", "soon"], "--max-backoff"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_code_2(run, words, complaint):
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert complaint in err
    assert len(err.splitlines()) == 1


def test_every_flag_of_marathon_lb_is_accepted(marathon, run, tmp_path):
    accepted = [
        *("--max-reload-retries", "3", "--reload-interval", "5", "--strict-mode", "--archive-versions", "2"),
        *("-H", "--lru-cache-capacity", "10", "--haproxy-map", "--skip-validation", "--skip-config-cleanup"),
        *("--min-serv-port-ip-per-task", "10050", "--max-serv-port-ip-per-task", "10100"),
        *("--max-backoff", "60", "--syslog-socket", "/dev/null", "--log-format", "%(message)s"),
    ]
    assert run(*once(marathon, tmp_path, *accepted))[0] == 0
