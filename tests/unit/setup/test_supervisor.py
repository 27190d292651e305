"""What supervisord answers, as the appliance understands it."""

from __future__ import annotations

import socketserver
import threading
import xmlrpc.client
from http.server import BaseHTTPRequestHandler

import pytest

from appliance.errors import NotRunningError
from appliance.setup.supervisor import SHUTTING_DOWN, Supervisor


class Ending(BaseHTTPRequestHandler):
    """A supervisord that was told to end: it refuses every call, but its process is there."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = xmlrpc.client.dumps(xmlrpc.client.Fault(SHUTTING_DOWN, "SHUTDOWN_STATE")).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "unix socket"

    def log_message(self, *_):
        pass


@pytest.fixture
def ending(tmp_path):
    path = tmp_path / "s.sock"
    with socketserver.ThreadingUnixStreamServer(str(path), Ending) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield Supervisor(path)
        server.shutdown()


def test_a_supervisord_that_shuts_down_runs_until_it_has_ended(ending):
    assert ending.running()


def test_what_it_refuses_while_it_shuts_down_is_told_in_one_line(ending):
    with pytest.raises(NotRunningError, match="is shutting down"):
        ending.programs()
    with pytest.raises(NotRunningError, match="is shutting down"):
        ending.shutdown()


def test_nobody_on_the_socket_is_not_running(tmp_path):
    assert not Supervisor(tmp_path / "none.sock").running()
