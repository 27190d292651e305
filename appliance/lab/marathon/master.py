"""One Marathon process as its clients meet it: leader or standby, answering, hanging or gone."""

from __future__ import annotations

import json
from threading import Event, Thread
from typing import TYPE_CHECKING

from appliance.lab.marathon.errors import RefusedError
from appliance.lab.marathon.faults.answers import Ask
from appliance.lab.marathon.faults.kind import Stage
from appliance.lab.marathon.messages import Answer, with_body
from appliance.lab.marathon.proxy import Proxy
from appliance.lab.marathon.stream import Stream
from appliance.lab.marathon.web import Server

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.lab.marathon.flavours import Flavour
    from appliance.lab.marathon.messages import Payload, Request
    from appliance.lab.marathon.shared import Shared
    from appliance.lab.marathon.web import Connection


class Master:
    """Number `number` of the masters. It listens from construction on and answers after `start`."""

    def __init__(self, number: int, flavour: Flavour, address: tuple[str, int], shared: Shared) -> None:
        self.number = number
        self.flavour = flavour
        self.awake = Event()
        self.awake.set()
        self._shared = shared
        server = self._listening(address)
        self._server: Server | None = server
        self.netloc = server.netloc
        self._proxy = Proxy(self.netloc, shared.election.timing, shared.client_tls)

    def _listening(self, address: tuple[str, int]) -> Server:
        shared = self._shared
        return Server(address, self, shared.credentials, shared.server_tls, shared.requests)

    # --- its life

    def start(self) -> None:
        if self._server is None:
            host, _, port = self.netloc.rpartition(":")
            self._server = self._listening((host, int(port)))
        self.awake.set()
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def exit(self) -> None:
        """Refuse from now on, end every connection."""
        server, self._server = self._server, None
        if server:
            server.shutdown()
            server.server_close()
        self.awake.set()

    def close(self) -> None:
        """Stop listening; for one that was never started."""
        if self._server:
            self._server.server_close()

    def hang(self) -> None:
        """Accept and never answer."""
        self.awake.clear()

    # --- what it serves

    def headers(self) -> Mapping[str, str]:
        leader = self._shared.leader_url
        made = {"X-Marathon-Leader": leader} if leader else {}
        if self.flavour.security_headers:
            made.update({"X-Frame-Options": "DENY", "X-XSS-Protection": "1; mode=block"})
        return made

    def broken(self, request: Request, connection: Connection) -> int | None:
        if request.path.startswith("/_lab/"):
            return None
        if not self.awake.is_set():
            self.awake.wait()
            connection.reset()
            return 0
        for fault in self._shared.faults.matching(Stage.ANSWER, self.netloc, request):
            if not self._shared.faults.use(fault):
                continue
            others = [each for each in self._shared.netlocs if each != self.netloc]
            ask = Ask(request, connection, self.netloc, others, self._shared.scheme, fault.over.wait)
            answer: Answer | None = fault.kind.act(ask, **fault.options)
            return 0 if answer is None else connection.send(request, answer)
        return None

    def stream(self, request: Request, connection: Connection) -> bool:
        if request.path.rstrip("/") != "/v2/events":
            return False
        leader = self._leader()
        if leader != self.number:
            return self._elsewhere(leader, request, connection)
        if request.method != "GET":
            raise RefusedError(405)
        shared = self._shared
        Stream(shared.bus, shared.faults, self, request, connection, heartbeat_s=shared.heartbeat_s).serve()
        return True

    def _elsewhere(self, leader: int, request: Request, connection: Connection) -> bool:
        netloc = self._shared.netlocs[leader]
        if self.flavour.redirects_events:
            location = {"Location": f"{self._shared.scheme}://{netloc}{request.uri}"}
            connection.send(request, Answer(status=302, headers=location))
        else:
            self._proxy.stream(netloc, request, self.flavour, connection)
        return True

    def answer(self, request: Request) -> Answer:
        if request.path.startswith("/_lab/"):
            return self._shared.control.answer(request)
        leader = self._leader()
        if leader != self.number:
            return self._proxy.forward(self._shared.netlocs[leader], request, self.flavour)
        return self._shared.api.answer(request)

    def _leader(self) -> int:
        """Raises the 502 or 503 of a cluster that has none."""
        leader = self._shared.election.believed(self.number)
        if leader is None:
            raise RefusedError(self.flavour.no_leader, reason="Could not determine the current leader")
        return leader

    def spoiled(self, request: Request, payload: Payload) -> Payload:
        if payload.status != 200 or request.method not in ("GET", "HEAD"):
            return payload
        for fault in self._shared.faults.take(Stage.CONTENT, self.netloc, request):
            try:
                document = json.loads(payload.body)
            except ValueError:
                continue
            changed = fault.kind.act(document, fault.memory, **fault.options)
            payload = with_body(payload, json.dumps(changed).encode())
        for fault in self._shared.faults.take(Stage.BODY, self.netloc, request):
            payload = fault.kind.act(payload, **fault.options)
        return payload
