"""Drives a zero-downtime deployment as marathon-lb's script does: its calls, its reading of answers."""

from __future__ import annotations

import csv
import datetime as dt
import json
import time
from collections import namedtuple
from http.client import HTTPConnection

GROUP, PORT, ALT_PORT = "HAPROXY_DEPLOYMENT_GROUP", "HAPROXY_0_PORT", "HAPROXY_DEPLOYMENT_ALT_PORT"


class Zdd:
    """`marathon` and `lb` are (host, port). Call it where both can be reached."""

    def __init__(self, marathon, lb, timeout_s=110):
        self.marathon, self.lb = marathon, lb
        self.ends = time.monotonic() + timeout_s
        self.drained = set()

    def deploy(self, app):
        """Put `app` in the place of the one of the same deployment group, task by task."""
        labels = app["labels"]
        others = [
            one for one in self.ask("GET", "/v2/apps")["apps"] if one["labels"].get(GROUP) == labels[GROUP]
        ]
        old = max(others, key=lambda one: one["labels"]["HAPROXY_DEPLOYMENT_STARTED_AT"], default=None)
        new = self.coloured(app, old)
        self.ask("POST", "/v2/apps", new)
        while old is not None and not self.swapped(old["id"], new["id"], app["instances"]):
            time.sleep(0.2)
        return new["id"]

    def coloured(self, app, old):
        """The app as it is sent: its colour and service port alternate, its label keeps the real port."""
        labels, port = dict(app["labels"]), app["ports"][0]
        colour = "green" if old and old["labels"]["HAPROXY_DEPLOYMENT_COLOUR"] == "blue" else "blue"
        labels["HAPROXY_APP_ID"] = app["id"]
        labels[PORT] = str(port)
        labels["HAPROXY_DEPLOYMENT_COLOUR"] = colour
        labels["HAPROXY_DEPLOYMENT_STARTED_AT"] = dt.datetime.now().isoformat()  # noqa: DTZ005 - as it does
        labels["HAPROXY_DEPLOYMENT_TARGET_INSTANCES"] = str(app["instances"])
        labels["HAPROXY_DEPLOYMENT_NEW_INSTANCES"] = "0"
        taken = old["portDefinitions"][0]["port"] if old else int(labels[ALT_PORT])
        own = int(labels[ALT_PORT]) if taken == port else port
        instances = 1 if old else app["instances"]
        return {
            **app,
            "id": f"{app['id']}-{colour}",
            "labels": labels,
            "ports": [own],
            "instances": instances,
        }

    def swapped(self, old_id, new_id, target):
        """One look at Marathon and the balancer, and what follows from it; whether the deployment is done."""
        assert time.monotonic() < self.ends, "the deployment takes too long"
        old, new = self.app(old_id), self.app(new_id)
        kill = None if new["deployments"] else self.drained_tasks(old, new, target)
        if kill is None:
            return False
        self.drained |= set(kill)
        if new["instances"] == target and len(kill) == old["instances"]:
            self.ask("DELETE", f"/v2/apps{old_id}")
            return True
        if kill:
            self.ask("POST", "/v2/tasks/delete?scale=true", {"ids": kill})
        if new["instances"] < target:
            more = new["instances"] + (new["instances"] + 1) // 2
            more = target if more >= old["instances"] else more
            self.ask("PUT", f"/v2/apps{new_id}", {"instances": more})
        return False

    def drained_tasks(self, old, new, target):
        """Ids of the old app's tasks that nobody uses any more; None: look again later."""
        servers = self.servers(f"{new['labels'][GROUP]}_{new['labels'][PORT]}")
        if servers is None or len(servers) != old["instances"] + new["instances"]:
            return None
        if sum(server["status"] == "UP" for server in servers) < target:
            return None
        idle = [server for server in servers if int(server["qcur"] or 0) + int(server["scur"] or 0) == 0]
        names = {server["svname"] for server in idle if server["status"] == "MAINT"}
        return [task["id"] for task in old["tasks"] if self.names(task) & names] if names else None

    def app(self, app_id):
        return self.ask("GET", f"/v2/apps{app_id}")["app"]

    def servers(self, backend):
        """The backend's rows of the statistics; None while more run than HAProxy's master and one worker."""
        pids, text = self.lb_says("/_haproxy_getpids"), self.lb_says("/haproxy?stats;csv")
        if pids is None or text is None or len(pids.split()) > 2:
            return None
        assert text.endswith("\n"), "tables of several balancers are read as one"
        lines = text.splitlines()
        fields = lines.pop(0).lstrip("# ").rstrip(",\n").split(",")
        row = namedtuple("row", fields)  # noqa: PYI024 - a column without a proper name is an error, as there
        rows = list(csv.reader(lines, quotechar="'"))
        assert all(cells[-1] == "" for cells in rows)
        found = [row(*cells[:-1])._asdict() for cells in rows]
        return [
            one for one in found if one["pxname"] == backend and one["svname"] not in ("FRONTEND", "BACKEND")
        ]

    @staticmethod
    def names(task):
        """What the servers of a task may be called."""
        host = task["host"].replace(".", "_")
        address = task["ipAddresses"][0]["ipAddress"].replace(".", "_") if task.get("ipAddresses") else host
        return {f"{name}_{port}" for port in task["ports"] for name in (host, f"{host}_{address}")}

    def lb_says(self, path):
        status, text = self._exchange(self.lb, "GET", path)
        return text if status == 200 else None

    def ask(self, method, path, document=None):
        status, text = self._exchange(self.marathon, method, path, document)
        assert status < 300, text
        return json.loads(text)

    @staticmethod
    def _exchange(place, method, path, document=None):
        connection = HTTPConnection(*place, timeout=10)
        try:
            body = None if document is None else json.dumps(document)
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()
