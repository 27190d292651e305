"""trial.py ROOT: a node as docs/install.md says, in the Debian below ROOT, on a network of its own.

Run in new mount, network and process namespaces, which take everything that it starts along with them.
Prints one JSON document of what came of it.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from small_marathon import SmallMarathon

from appliance import commands
from appliance.paths import Paths

VIP, OWN, PEER, HOST = "10.9.0.250", "10.9.0.1", "10.9.0.2", "web.example"
SERVED_WITHIN_S = 60.0
SETUP = ("appliance-setup", "--vip", VIP, "--peer", PEER, "--marathon", "http://127.0.0.1:8080", "--yes")
NETWORK = (
    ("ip", "link", "set", "lo", "up"),
    ("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "switch"),
    ("ip", "link", "set", "switch", "up"),
    ("ip", "address", "add", f"{OWN}/24", "dev", "eth0"),
    ("ip", "link", "set", "eth0", "up"),
)


class Task(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"task")

    def log_message(self, *_: object) -> None:
        pass


def inside(root: str, *argv: str, timeout_s: float = 60.0) -> dict[str, object]:
    done = commands.run(["chroot", root, *argv], timeout_s=timeout_s)
    return {"code": done.code, "said": done.output + done.errors}


def answer() -> str:
    """What the app's host name gets at the VIP."""
    connection = http.client.HTTPConnection(VIP, 80, timeout=10)
    try:
        connection.request("GET", "/", headers={"Host": HOST})
        response = connection.getresponse()
        return f"{response.status} {response.read().decode()}"
    except OSError as error:
        return str(error)
    finally:
        connection.close()


def served() -> str:
    end = time.monotonic() + SERVED_WITHIN_S
    while (said := answer()) != "200 task" and time.monotonic() < end:
        time.sleep(0.2)
    return said


def main(root: str) -> None:
    mounts = (["-t", "proc", "proc"], ["-t", "tmpfs", "-o", "mode=755", "tmpfs"], ["-t", "sysfs", "sysfs"])
    for options, place in zip(mounts, ("proc", "run", "sys")):
        done = commands.run(["mount", *options, f"{root}/{place}"])
        assert done.code == 0, done.message
    for command in NETWORK:
        done = commands.run(command)
        assert done.code == 0, done.message
    task = ThreadingHTTPServer(("127.0.0.1", 0), Task)
    threading.Thread(target=task.serve_forever, daemon=True).start()
    marathon = SmallMarathon(8080)
    marathon.runs("/web", task.server_port, labels={"HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": HOST})

    node = Paths()
    told = {"setup": inside(root, *SETUP, timeout_s=150), "served": served()}
    told["again"] = inside(root, *SETUP, timeout_s=150)
    told["status"] = inside(root, "appliance", "status", "--json")
    told["haproxy"] = inside(root, "haproxy", "-c", "-f", str(node.haproxy_cfg))
    told["keepalived"] = inside(root, "keepalived", "-t", "-f", str(node.keepalived_conf))
    told["stop"] = inside(root, "appliance", "node", "stop", "--graceful", timeout_s=90)
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
