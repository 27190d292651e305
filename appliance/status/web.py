"""The agent's pages on its own port: they answer when HAProxy is dead."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from typing import TYPE_CHECKING, Any, Callable
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import bottle

from appliance import templating
from appliance.settings import AGENT_PORT
from appliance.status import cluster, events, metrics, node, processes, receive, table
from appliance.status.challenges import Challenges
from appliance.status.configuration import Configuration
from appliance.status.ownership import Ownership

if TYPE_CHECKING:
    import socket

    from appliance.paths import Paths
    from appliance.settings import Settings
    from appliance.status.cluster import View

MOST_REQUESTS = 32
"""At the same time; what comes beyond is closed at once and may come again."""
REQUEST_DEADLINE_S = 5.0
EVENTS_SHOWN = 20

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def application(paths: Paths, settings: Callable[[], Settings]) -> Any:
    """The WSGI application. Read-only, but for orders that another node signs."""
    app = bottle.Bottle()
    challenges = Challenges()
    ownership, configuration = Ownership(), Configuration(paths.haproxy_cfg)

    def answer(text: str, content_type: str) -> Any:
        return bottle.HTTPResponse(
            text, headers={**HEADERS, "Content-Type": f"{content_type}; charset=utf-8"}
        )

    def status_json() -> Any:
        return answer(
            json.dumps(node.status(paths, settings(), ownership, configuration)) + "\n", "application/json"
        )

    def prometheus() -> Any:
        found = node.status(paths, settings(), ownership, configuration)
        return answer(metrics.text(found, processes.running(paths.supervisor_socket)), metrics.CONTENT_TYPE)

    def page() -> Any:
        happened = events.recent(paths.events, EVENTS_SHOWN)
        return answer(render(cluster.ask(settings()), happened, time.time()), "text/html")

    def style() -> Any:
        return answer(templating.render("status/style.css.j2"), "text/css")

    def challenge() -> Any:
        return answer(json.dumps({"challenge": challenges.make(time.monotonic())}) + "\n", "application/json")

    def order() -> Any:
        body = bottle.request.body.read(receive.LARGEST_ORDER).decode("utf-8", "replace")
        header = bottle.request.headers.get("Authorization", "")
        status, said = receive.receive(
            paths, settings(), challenges, header=header, body=body, now=time.monotonic()
        )
        answered = answer(json.dumps(said) + "\n", "application/json")
        answered.status = status
        return answered

    app.get("/challenge", callback=challenge)
    app.post("/orders", callback=order)
    app.get("/status.json", callback=status_json)
    app.get("/metrics", callback=prometheus)
    app.get("/", callback=page)
    app.get("/style.css", callback=style)
    return app


def render(view: View, happened: list[dict[str, Any]], now: float) -> str:
    """The page as HTML."""
    return templating.render(
        "status/page.html.j2",
        view=view,
        headings=table.HEADINGS,
        rows=[(row, table.cells(row, now)) for row in view.rows],
        events=[{**event, "when": table.rfc3339(float(event["at"]))} for event in reversed(happened)],
        now=table.rfc3339(now),
    )


class Server(socketserver.ThreadingMixIn, WSGIServer):
    """One thread a request, a bounded number of them."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], app: Any) -> None:
        super().__init__(address, Handler)
        self.set_app(app)
        self._free = threading.BoundedSemaphore(MOST_REQUESTS)

    def server_bind(self) -> None:
        # WSGIServer would ask the DNS for this host's name, and a start must not wait for that.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: Any) -> None:
        """A client that went away is no news."""


class Handler(WSGIRequestHandler):
    timeout = REQUEST_DEADLINE_S

    def log_message(self, *_: Any) -> None:
        """Twelve questions a second from the peers would drown the log."""


def server(app: Any, address: str = "0.0.0.0", port: int = AGENT_PORT) -> Server:  # noqa: S104 - peers ask it
    """Listening, not yet serving. Raises OSError if the port is taken."""
    return Server((address, port), app)
