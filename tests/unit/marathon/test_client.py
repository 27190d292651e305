"""Whatever a master does wrong, the next one is asked, and the reason is one line."""

from __future__ import annotations

import base64
import gzip
import json
import ssl
from pathlib import Path

import pytest

from appliance import commands
from appliance.errors import MarathonError, SettingsError
from appliance.marathon.access import Access, Credentials, masters
from appliance.marathon.client import Client

APPS = json.dumps({"apps": [{"id": "/web"}]}).encode()
CREDENTIALS = Credentials("joe", "s3:cret")


def answer(body=APPS, status="200 OK", *headers, length=None):
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(body) if length is None else length}",
        *headers,
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body


def redirect(url):
    return answer(b"", "302 Found", f"Location: {url}")


def client(*servers, credentials=None, **how):
    urls = [server if isinstance(server, str) else server.url for server in servers]
    return Client(Access(urls, credentials), **how)


def failure(*servers, **how):
    with pytest.raises(MarathonError) as caught:
        client(*servers, **how).cluster()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def silent(connection):
    connection.recv(1)  # until the client gives up


def dripping(connection):
    connection.sendall(answer(length=10**9))
    while True:
        connection.sendall(b" ")


def test_an_answer_becomes_a_cluster(serve):
    server = serve(answer())
    assert [app.id for app in client(server).cluster().apps] == ["/web"]
    (request,) = server.requests
    assert request.startswith("GET /v2/apps?embed=apps.tasks HTTP/1.1\r\n")
    assert "Accept: application/json\r\n" in request
    assert "Authorization" not in request


def test_a_compressed_and_a_chunked_answer_are_read(serve):
    body = gzip.compress(APPS)
    zipped = answer(body, "200 OK", "Content-Encoding: gzip")
    parts = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (APPS[:7], APPS[7:])) + b"0\r\n\r\n"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + parts
    for data in (zipped, chunked):
        server = serve(data)
        assert len(client(server).cluster().apps) == 1
        assert "Accept-Encoding: gzip" in server.requests[0]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (
            answer(b"<html>no</html>", "401 Unauthorized"),
            "HTTP 401: it wants credentials, and none are given",
        ),
        (answer(b"", "403 Forbidden"), "HTTP 403"),
        (answer(b"<html>", "502 Bad Gateway"), "HTTP 502"),
        (answer(b'{"message":"no leader"}', "503 Service Unavailable"), "HTTP 503"),
        (answer(b"{}", "500 Oops"), "HTTP 500"),
        (answer(b"<html>Wi-Fi login</html>"), "HTML"),
        (answer(b""), "empty"),
        (answer(APPS[:-3]), "cut off"),
        (answer(APPS, length=10_000), "cuts its answer off"),
        (answer(b'{"message":"hm"}'), "no list 'apps'"),
        (answer(b'{"apps":null}'), "no list 'apps'"),
        (answer(b"nonsense", "200 OK", "Content-Encoding: gzip"), "DecodeError"),
        (redirect("ftp://elsewhere/"), "no HTTP address"),
        (redirect("http://[broken/"), "no HTTP address"),
        (redirect("/v2/apps"), "redirects more than 2 times"),
        (b"SSH-2.0-OpenSSH_9\r\n", "does not speak HTTP"),
        (b"", "closes the connection without an answer"),
    ],
)
def test_a_bad_master_is_left_for_the_next_one(serve, bad, reason):
    asked = client(serve(bad), serve(answer()))
    assert len(asked.cluster().apps) == 1
    server = serve(bad)
    text = failure(server)
    assert text.startswith(f"no Marathon master answers: {server.url} ")
    assert reason in text


def test_a_refused_connection_is_left_for_the_next_one(serve, closed_port):
    assert len(client(closed_port, serve(answer())).cluster().apps) == 1
    assert f"{closed_port} refuses the connection" in failure(closed_port)


@pytest.mark.parametrize(
    "script", [silent, lambda connection: connection.sendall(answer(length=10_000)) or silent(connection)]
)
def test_a_master_that_stops_answering_is_left_for_the_next_one(serve, script):
    assert len(client(serve(script), serve(answer()), read_timeout_s=2).cluster().apps) == 1
    assert "stopped answering" in failure(serve(script), read_timeout_s=0.2)


def test_an_answer_that_drips_ends_at_the_deadline(serve):
    assert "takes longer than 0 s" in failure(serve(dripping), answer_timeout_s=0.2)


def test_plain_http_asked_for_tls_says_so(serve):
    server = serve(answer())
    assert "speaks no TLS on this port; use http://" in failure(server.url.replace("http:", "https:"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate and its key, for 127.0.0.1 only, that no CA of the system vouches for."""
    path = tmp_path_factory.mktemp("tls") / "cert.pem"
    argv = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=marathon",
    ]
    done = commands.run(
        [*argv, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path, "-out", f"{path}.crt"]
    )
    assert done.code == 0, done.errors
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


def test_tls_is_verified(serve, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = serve(answer(), tls=context)
    assert len(Client(Access([server.url], ca_cert=str(certificate))).cluster().apps) == 1
    assert "its TLS certificate is not trusted; name its CA" in failure(server)
    other_name = Access([server.url.replace("127.0.0.1", "localhost")], ca_cert=str(certificate))
    with pytest.raises(MarathonError, match="for another name"):
        Client(other_name).cluster()


def test_every_master_is_named_with_its_reason(serve, closed_port):
    html = serve(answer(b"<html>"))
    text = failure(closed_port, html)
    assert f"{closed_port} refuses the connection; {html.url} the answer is HTML" in text


def test_the_master_that_answered_is_asked_first_next_time(serve):
    first, second = serve(answer(b"", "502 x")), serve(answer())
    asked = client(first, second)
    asked.cluster()
    asked.cluster()
    assert (len(first.requests), asked.url) == (1, second.url)


# --- credentials ----------------------------------------------------------------------------------
def basic(request):
    _, found, rest = request.partition("Authorization: Basic ")
    return base64.b64decode(rest.split("\r\n")[0]).decode() if found else None


def test_credentials_go_to_the_master(serve):
    server = serve(answer())
    client(server, credentials=CREDENTIALS).cluster()
    assert basic(server.requests[0]) == "joe:s3:cret"


def test_a_redirect_to_a_foreign_host_gets_no_credentials(serve):
    foreign = serve(answer(b"", "401 Unauthorized"))
    first = serve(redirect(f"{foreign.url}/v2/apps"))
    text = failure(first, credentials=CREDENTIALS)
    assert [basic(request) for request in foreign.requests] == [None]
    assert "credentials go to configured masters only" in text
    assert "cret" not in text


def test_a_redirect_to_a_configured_master_gets_them(serve):
    leader = serve(answer())
    standby = serve(redirect(f"{leader.url}/v2/apps?embed=apps.tasks"))
    assert len(client(standby, leader, credentials=CREDENTIALS).cluster().apps) == 1
    assert [basic(request) for request in leader.requests] == ["joe:s3:cret"]


def test_wrong_credentials_are_told_without_showing_them(serve):
    text = failure(serve(answer(b"", "401 Unauthorized")), credentials=CREDENTIALS)
    assert "the credentials are not accepted" in text
    assert "joe" not in text + repr(CREDENTIALS)


def test_a_credentials_file_is_read_up_to_the_first_colon(tmp_path):
    path = tmp_path / "credentials"
    path.write_text("joe:s3:cret\nignored\n")
    path.chmod(0o640)
    assert Credentials.load(path) == CREDENTIALS


@pytest.mark.parametrize("text", ["", "joe", "joe:", ":x", "joe:a\tb"])
def test_a_credentials_file_without_a_pair_is_refused(tmp_path, text):
    path = tmp_path / "credentials"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SettingsError, match="user:password in one line"):
        Credentials.load(path)


def test_a_credentials_file_that_everybody_can_read_is_refused_with_the_cure(tmp_path):
    path = tmp_path / "credentials"
    path.write_text("joe:x")
    path.chmod(0o644)
    with pytest.raises(SettingsError, match=r"mode 0644\); run: chmod o= "):
        Credentials.load(path)
    with pytest.raises(SettingsError, match="cannot be read"):
        Credentials.load(tmp_path / "missing")


# --- the list of masters --------------------------------------------------------------------------
def test_masters_are_listed_once():
    assert masters(["http://a:8080/", "http://b:8080", "http://a:8080"]) == ("http://a:8080", "http://b:8080")


@pytest.mark.parametrize(
    "url",
    [
        "a:8080",
        "ftp://a",
        "http://",
        "http://a:x",
        "http://a:99999",
        "http://a b",
        "http://[::1",
        "http://a\n",
    ],
)
def test_a_url_that_is_none_is_refused(url):
    with pytest.raises(SettingsError, match="is not http://HOST:PORT"):
        masters([url])


def test_credentials_in_a_url_are_refused_without_showing_them():
    with pytest.raises(SettingsError, match="credentials do not belong into a URL") as caught:
        masters(["http://joe:secret@a:8080"])
    assert "secret" not in str(caught.value)


def test_no_master_and_no_ca_file_are_refused(tmp_path):
    with pytest.raises(SettingsError, match="no Marathon URL"):
        masters([])
    with pytest.raises(SettingsError, match="no such file"):
        Access(["https://a"], ca_cert=str(tmp_path / "ca.pem"))
