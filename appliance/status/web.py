"""The agent's pages on its own port: they answer when HAProxy is dead."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from typing import TYPE_CHECKING, Any, Callable
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import bottle

from appliance.settings import AGENT_PORT
from appliance.status import metrics, node, processes, receive
from appliance.status.challenges import Challenges
from appliance.status.configuration import Configuration
from appliance.status.ownership import Ownership
from appliance.status.page import routes

if TYPE_CHECKING:
    import socket

    from appliance.paths import Paths
    from appliance.settings import Settings
    from appliance.status.page.live import Live

MOST_REQUESTS, FOR_NODES = 32, 8
"""At the same time; what comes beyond is closed at once and may come again. Some are kept for the nodes,
whose questions decide about the VIP: no crowd of browsers takes them."""
REQUEST_DEADLINE_S = 5.0

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def application(paths: Paths, settings: Callable[[], Settings], live: Live) -> Any:
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
    routes.add(app, paths, settings, live)
    return app


class Server(socketserver.ThreadingMixIn, WSGIServer):
    """One thread a request, a bounded number of them."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], app: Any, is_node: Callable[[str], bool]) -> None:
        super().__init__(address, Handler)
        self.set_app(app)
        self._is_node = is_node
        self._all = threading.BoundedSemaphore(MOST_REQUESTS)
        self._others = threading.BoundedSemaphore(MOST_REQUESTS - FOR_NODES)

    def server_bind(self) -> None:
        # WSGIServer would ask the DNS for this host's name, and a start must not wait for that.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        places = [self._all] if self._is_node(client_address[0]) else [self._all, self._others]
        taken = [place for place in places if place.acquire(blocking=False)]
        if len(taken) == len(places):
            answer = threading.Thread(target=self._answer, args=(request, client_address, taken), daemon=True)
            answer.start()
            return
        self.shutdown_request(request)
        for place in taken:
            place.release()

    def _answer(self, request: Any, client_address: Any, taken: list[threading.BoundedSemaphore]) -> None:
        try:
            self.process_request_thread(request, client_address)
        finally:
            for place in taken:
                place.release()

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: Any) -> None:
        """A client that went away is no news."""


class Handler(WSGIRequestHandler):
    timeout = REQUEST_DEADLINE_S

    def log_message(self, *_: Any) -> None:
        """Twelve questions a second from the peers would drown the log."""


def server(
    app: Any,
    is_node: Callable[[str], bool] = lambda _: False,
    address: str = "0.0.0.0",  # noqa: S104 - peers ask it
    port: int = AGENT_PORT,
) -> Server:
    """Listening, not yet serving; `is_node` knows the nodes' addresses. OSError if the port is taken."""
    return Server((address, port), app, is_node)
