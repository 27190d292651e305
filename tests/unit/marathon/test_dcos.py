"""A service account logs in with a signed request, renews its token in time, and never ends the program."""

from __future__ import annotations

import base64
import http.server
import json
import threading

import pytest

from appliance import commands
from appliance.errors import MarathonError, SettingsError
from appliance.marathon.access import Access
from appliance.marathon.client import Client
from appliance.marathon.dcos import ServiceAccount, Session


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    folder = tmp_path_factory.mktemp("key")
    private, public = folder / "private.pem", folder / "public.pem"
    assert commands.run(["openssl", "genrsa", "-out", private, "2048"]).code == 0
    assert commands.run(["openssl", "rsa", "-in", private, "-pubout", "-out", public]).code == 0
    return private.read_text(), public


class LoginServer(http.server.ThreadingHTTPServer):
    """DC/OS' login and a Marathon that wants its newest token."""

    daemon_threads = True

    def __init__(self):
        self.logins, self.status = [], 200
        super().__init__(("127.0.0.1", 0), _Requests)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


class _Requests(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.logins.append(json.loads(body))
        self.send_response(self.server.status)
        if self.server.status == 200:
            self.send_header(
                "Set-Cookie", f"dcos-acs-auth-cookie=t{len(self.server.logins)}; Path=/; HttpOnly"
            )
        self.end_headers()

    def do_GET(self):
        right = self.headers.get("Authorization") == f"token=t{len(self.server.logins)}"
        self.send_response(200 if right else 401)
        self.end_headers()
        self.wfile.write(b'{"apps": []}' if right else b'{"message": "invalid username or password."}')

    def log_message(self, *_):
        pass


@pytest.fixture
def dcos():
    server = LoginServer()
    yield server
    server.shutdown()
    server.server_close()


def session(dcos, key, **how):
    account = {"uid": "lb", "private_key": key[0], "login_endpoint": f"{dcos.url}/acs/api/v1/auth/login"}
    return Session(ServiceAccount.parse(json.dumps(account), "x"), **how)


def test_the_request_is_signed_by_the_accounts_key(dcos, key, tmp_path):
    assert session(dcos, key, clock=lambda: 1_000_000.0).header == "token=t1"
    (login,) = dcos.logins
    assert (login["uid"], login["exp"]) == ("lb", 1_003_600)
    signed, _, signature = login["token"].rpartition(".")
    claims = base64.urlsafe_b64decode(signed.partition(".")[2] + "==")
    assert json.loads(claims) == {"uid": "lb", "exp": 1_000_060}
    (tmp_path / "signature").write_bytes(base64.urlsafe_b64decode(signature + "=="))
    verified = commands.run(
        ["openssl", "dgst", "-sha256", "-verify", key[1], "-signature", tmp_path / "signature"], stdin=signed
    )
    assert verified.output.strip() == "Verified OK"


def test_a_token_is_renewed_before_its_end_and_after_a_401(dcos, key):
    now = [1_000_000.0]
    login = session(dcos, key, clock=lambda: now[0])
    assert [login.header, login.header] == ["token=t1", "token=t1"]
    now[0] += 3400
    assert login.header == "token=t2"
    login.refused()
    assert login.header == "token=t3"


def test_a_master_that_refuses_the_token_gets_a_new_one_next_time(dcos, key):
    login = session(dcos, key)
    client = Client(Access([dcos.url], login))
    assert client.cluster().apps == ()
    dcos.logins.append({})  # the server forgets the token it gave
    with pytest.raises(MarathonError, match="the credentials are not accepted"):
        client.cluster()
    assert client.cluster().apps == ()


def test_a_login_that_fails_is_one_line_and_is_not_repeated_for_each_master(dcos, key):
    now = [1_000_000.0]
    dcos.status = 401
    login = session(dcos, key, clock=lambda: now[0])
    client = Client(Access([dcos.url, f"{dcos.url}/again"], login))
    with pytest.raises(MarathonError, match="does not log lb in: HTTP 401") as caught:
        client.cluster()
    assert "\n" not in str(caught.value)
    assert len(dcos.logins) == 1
    dcos.status, now[0] = 200, now[0] + 6
    assert login.header == "token=t2"


def test_a_login_that_fails_keeps_a_token_that_is_still_good(dcos, key):
    now = [1_000_000.0]
    login = session(dcos, key, clock=lambda: now[0])
    assert login.header == "token=t1"
    dcos.status, now[0] = 500, now[0] + 3400
    assert login.header == "token=t1"
    now[0] += 300
    with pytest.raises(MarathonError, match="HTTP 500"):
        _ = login.header


def test_a_key_that_cannot_sign_is_said(dcos):
    with pytest.raises(MarathonError, match="is it an RSA key in PEM"):
        _ = session(dcos, ("no key", None)).header


@pytest.mark.parametrize(
    "text", ["", "[]", "5", '{"uid": "x"}', '{"uid":"x","private_key":"SECRET","login_endpoint":"ftp://x"}']
)
def test_what_is_no_service_account_is_said_without_its_key(text):
    with pytest.raises(SettingsError, match="--dcos-auth-credentials: ") as caught:
        ServiceAccount.parse(text, "--dcos-auth-credentials")
    assert "SECRET" not in str(caught.value)
