"""A Marathon of any size that runs nothing: it answers, and changes app after app with an event each.

`python benchmarks/feeder.py` prints its URL. Beside /v2/apps, /v2/apps/ID, /v2/info and /v2/events:

    POST /_bench/scale?apps=N&tasks=T      that many apps, each with that many tasks
    POST /_bench/churn?events=N&interval=S each event moves a task of an app; answers, when all were sent,
                                           [[app id, its new port, when it was sent], …]
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

FIRST_PORT = 31000
"""Of the ports that only moved tasks have."""


class Feeder(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.apps: dict[str, bytes] = {}
        self.streams: list[queue.SimpleQueue[bytes]] = []
        self.tasks = 1
        self.moves = 0

    def scale(self, apps: int, tasks: int) -> None:
        self.tasks = tasks
        self.apps = {
            app_id: self._app(app_id, n, 0) for n in range(apps) for app_id in (f"/team-{n % 50}/app-{n}",)
        }
        for stream in self.streams:
            stream.put(b"")

    def churn(self, events: int, interval_s: float) -> list[tuple[str, int, float]]:
        moved = []
        ids = list(self.apps)
        for n in range(events):
            place = n * 7919 % len(ids)
            app_id = ids[place]
            self.moves += 1
            port = FIRST_PORT + self.moves % 30000
            self.apps[app_id] = self._app(app_id, place, port)
            sent_at = time.time()
            moved.append((app_id, port, sent_at))
            payload = {"appId": app_id, "taskStatus": "TASK_RUNNING", "eventType": "status_update_event"}
            payload["timestamp"] = datetime.fromtimestamp(sent_at, timezone.utc).isoformat()
            frame = f"event: status_update_event\r\ndata: {json.dumps(payload)}\r\n\r\n".encode()
            for stream in self.streams:
                stream.put(frame)
            time.sleep(interval_s)
        return moved

    def _app(self, app_id: str, n: int, moved_to: int) -> bytes:
        """`moved_to`: the port of its first task, if that was moved."""
        labels = {"HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": f"app-{n}.example.com"}
        tasks = [
            {
                "id": f"{app_id[1:].replace('/', '_')}.instance-{k}._app.1",
                "appId": app_id,
                "host": f"10.0.{(n + k) % 8}.{(n + k) % 200 + 1}",
                "ports": [moved_to if moved_to and k == 0 else 20000 + (n + k) % 1000],
                "ipAddresses": [{"ipAddress": "172.17.0.2", "protocol": "IPv4"}],
                "state": "TASK_RUNNING",
                "version": "2021-03-01T12:00:00.000Z",
                "stagedAt": "2021-03-01T12:00:01.000Z",
                "startedAt": "2021-03-01T12:00:03.000Z",
                "healthCheckResults": [{"alive": True, "consecutiveFailures": 0, "instanceId": f"{n}.{k}"}],
            }
            for k in range(self.tasks)
        ]
        mapping = {"containerPort": 80, "hostPort": 0, "servicePort": 10000 + n % 10000, "protocol": "tcp"}
        document: dict[str, Any] = {
            "id": app_id,
            "instances": self.tasks,
            "labels": labels,
            "networks": [{"mode": "container/bridge"}],
            "container": {"type": "DOCKER", "docker": {"image": "nginx"}, "portMappings": [mapping]},
            "healthChecks": [{"protocol": "HTTP", "path": "/", "portIndex": 0}],
            "version": "2021-03-01T12:00:00.000Z",
            "deployments": [],
            "tasks": tasks,
        }
        return json.dumps(document).encode()


class _Requests(BaseHTTPRequestHandler):
    server: Feeder

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/v2/events":
            self._stream()
        elif path == "/v2/apps":
            self._answer(b'{"apps":[' + b",".join(self.server.apps.values()) + b"]}")
        elif path == "/v2/info":
            self._answer(b'{"name":"marathon","version":"1.8.222","frameworkId":"feeder"}')
        elif path[len("/v2/apps") :] in self.server.apps:
            self._answer(b'{"app":' + self.server.apps[path[len("/v2/apps") :]] + b"}")
        else:
            self._answer(b'{"message":"URI not found"}', 404)

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        asked = {key: float(values[-1]) for key, values in parse_qs(parts.query).items()}
        if parts.path == "/_bench/scale":
            self.server.scale(int(asked["apps"]), int(asked["tasks"]))
            self._answer(b"{}")
        else:
            moved = self.server.churn(int(asked["events"]), asked["interval"])
            self._answer(json.dumps(moved).encode())

    def _answer(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Marathon-Leader", self.server.url)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream;charset=utf-8")
        self.end_headers()
        events: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        events.put(b'event: event_stream_attached\r\ndata: {"remoteAddress":"127.0.0.1"}\r\n\r\n')
        self.server.streams.append(events)
        try:
            while True:
                try:
                    frame = events.get(timeout=10)
                except queue.Empty:
                    frame = b"\r\n"
                if not frame:
                    return
                self.wfile.write(frame)
        except OSError:
            pass
        finally:
            self.server.streams.remove(events)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    feeder = Feeder()
    threading.Thread(target=feeder.serve_forever, daemon=True).start()
    print(feeder.url, flush=True)
    sys.stdin.read()
