from __future__ import annotations

import hashlib

from appliance.marathon.model import App, Port, Task
from appliance.services.assigned_ports import assigned_ports

TASK = Task("t", (), None, ())


def app(app_id, *task_ports, tasks=(TASK,)):
    return App(app_id, {}, tuple(Port(0, "tcp", port) for port in task_ports), (), tasks)


def first_choice(app_id, port, attempt=0):
    digest = hashlib.sha1(f"{app_id}-{port}-{attempt}".encode()).hexdigest()  # noqa: S324 - marathon-lb's choice
    return 10050 + int(digest[:8], 16) % 51


def test_each_task_port_has_marathon_lbs_port():
    found, notices = assigned_ports([app("/a", 8080, 9000)], (10050, 10100))
    assert found["/a"][0] == first_choice("/a", 8080)
    assert found["/a"][1] in {first_choice("/a", 9000), first_choice("/a", 9000, 1)}
    assert notices == []


def test_every_port_goes_to_one_only_and_the_order_of_apps_does_not_matter():
    apps = [app(f"/a{n}", 8080) for n in range(51)]
    found, notices = assigned_ports(apps, (10050, 10100))
    assert sorted(ports[0] for ports in found.values()) == list(range(10050, 10101))
    assert notices == []
    assert assigned_ports(apps[::-1], (10050, 10100)) == (found, [])


def test_who_comes_too_late_has_none_and_is_told():
    found, notices = assigned_ports([app("/a", 1), app("/b", 1)], (10050, 10050))
    assert found == {"/a": {0: 10050}}
    assert notices[0].startswith("/b: port 0 has no service port, and none of 10050 to 10050 is left")


def test_without_a_range_or_tasks_nothing_is_assigned():
    assert assigned_ports([app("/a", 1)], None) == ({}, [])
    assert assigned_ports([app("/a", 1, tasks=())], (10050, 10100)) == ({}, [])
