"""A Marathon that says what the test wants: apps, one app, info, and events."""

from __future__ import annotations

import http.server
import json
import queue
import threading


class SmallMarathon(http.server.ThreadingHTTPServer):
    """`apps` is what it runs, by id. `status` other than 200 is its answer to everything."""

    daemon_threads = True

    def __init__(self, port=0):
        self.apps, self.streams, self.asked = {}, [], []
        self.status, self.framework_id, self.leader = 200, "framework-1", ""
        super().__init__(("127.0.0.1", port), _Requests)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def runs(self, app_id, *ports, **more):
        """`app_id` has a task at each of these ports; `more` is the app's own JSON."""
        tasks = [
            {"id": f"{app_id[1:]}.{port}", "host": "127.0.0.1", "ports": [port], "state": "TASK_RUNNING"}
            for port in ports
        ]
        self.apps[app_id] = {"id": app_id, "ports": [10000], "tasks": tasks, **more}

    def event(self, kind, **payload):
        text = json.dumps({"eventType": kind, **payload})
        for stream in self.streams:
            stream.put(f"event: {kind}\r\ndata: {text}\r\n\r\n".encode())

    def touched(self, app_id):
        self.event("status_update_event", appId=app_id)

    def drop_streams(self):
        streams, self.streams = self.streams, []
        for stream in streams:
            stream.put(b"")

    def reads(self, path="/v2/apps?embed=apps.tasks"):
        return self.asked.count(path)

    def close(self):
        self.drop_streams()
        self.shutdown()
        self.server_close()


class _Requests(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        marathon, path = self.server, self.path.partition("?")[0]
        marathon.asked.append(self.path)
        if marathon.status != 200:
            self.send_error(marathon.status)
        elif path == "/v2/info":
            self._answer({"name": "marathon", "version": "1.8.222", "frameworkId": marathon.framework_id})
        elif path == "/v2/apps":
            self._answer({"apps": list(marathon.apps.values())})
        elif path == "/v2/events":
            self._stream()
        elif (app_id := path[len("/v2/apps") :]) in marathon.apps:
            self._answer({"app": marathon.apps[app_id]})
        else:
            self._answer({"message": f"App '{app_id}' does not exist"}, 404)

    def _answer(self, document, status=200):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if self.server.leader:
            self.send_header("X-Marathon-Leader", self.server.leader)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        events = queue.SimpleQueue()
        events.put(b'event: event_stream_attached\r\ndata: {"remoteAddress":"127.0.0.1"}\r\n\r\n')
        self.server.streams.append(events)
        while event := events.get():
            self.wfile.write(event)
            self.wfile.flush()

    def log_message(self, *_):
        pass
