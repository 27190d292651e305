"""A client that is not ours, PyPI's `marathon`, drives the simulated Marathon by its own calls."""

from __future__ import annotations

import pytest
from marathon import MarathonApp, MarathonClient
from marathon.exceptions import ConflictError, NotFoundError
from simulator import PATIENCE_S, simulated, until


@pytest.fixture(params=["1.4", "1.8"])
def client(request):
    """Two masters, in both dialects."""
    # The library reads 512 bytes at a time: only the beats push the last event through.
    options = {"masters": 2, "flavours": request.param, "credentials": "joe:s3cret", "heartbeat_s": 0.002}
    with simulated(**options) as made:
        yield made


@pytest.fixture
def library(client):
    """Told of both masters, the standby first."""
    return MarathonClient(client.marathon.urls[::-1], username="joe", password="s3cret", timeout=PATIENCE_S)


def app(**changes):
    return MarathonApp(
        **{"cmd": "serve", "cpus": 0.1, "mem": 16, "instances": 2, "labels": {"a": "b"}, **changes}
    )


def done(library):
    until(lambda: not library.list_deployments())


def test_create_list_scale_kill_and_delete(library):
    assert library.create_app("shop/web", app()).id == "/shop/web"
    done(library)
    (listed,) = library.list_apps(embed_tasks=True, label="a==b")
    assert (listed.tasks_running, len(listed.tasks)) == (2, 2)
    assert library.list_apps(label="a==c") == []
    library.scale_app("shop/web", delta=1)
    done(library)
    assert library.get_app("shop/web").instances == 3
    first, second, third = library.list_tasks("shop/web")
    assert library.kill_task("shop/web", first.id).id == first.id
    assert library.kill_given_tasks([second.id], scale=True)
    done(library)
    until(lambda: third.id in {task.id for task in library.list_tasks("shop/web")})
    assert library.get_app("shop/web").instances == 2
    assert len(library.kill_tasks("shop/web")) == 2
    until(lambda: {endpoint.service_port for endpoint in library.list_endpoints()} == {10000})
    library.delete_app("shop/web")
    done(library)
    with pytest.raises(NotFoundError):
        library.get_app("shop/web")


def every_agent(client, *, lost):
    for agent in client.marathon.agents:
        client.control("POST", "agents", {"agent": agent.name, "lost": lost})


def test_deployments_versions_and_restarts(library, client):
    every_agent(client, lost=True)
    library.create_app("web", app(instances=4))
    (deployment,) = library.list_deployments()
    assert deployment.affected_apps == ["/web"]
    assert [item.app.id for item in until(library.list_queue)] == ["/web"]
    library.reset_delay("web")
    with pytest.raises(ConflictError):
        library.scale_app("web", instances=3)
    every_agent(client, lost=False)
    library.scale_app("web", instances=3, force=True)
    done(library)
    newest, oldest = library.list_versions("web")
    assert newest > oldest
    assert library.get_version("web", oldest).instances == 4
    library.restart_app("web")
    done(library)
    every_agent(client, lost=True)
    library.create_app("stuck", app())
    (open_one,) = library.list_deployments()
    library.delete_deployment(open_one.id)
    done(library)
    assert [each.id for each in library.list_apps()] == ["/web"]
    library.rollback_app("web", oldest)
    assert library.get_app("web").instances == 4


def test_groups_and_the_server(library):
    library.create_app("shop/web", app())
    done(library)
    library.scale_group("shop", 2)
    done(library)
    assert library.get_app("shop/web").instances == 4
    assert [group.id for group in library.list_groups()] == ["/shop"]
    assert library.get_group("shop").apps[0].id == "/shop/web"
    library.delete_group("shop")
    done(library)
    assert library.list_apps() == []
    assert library.get_info().leader == library.get_leader()["leader"]
    assert b"pong" in library.ping()
    assert library.get_metrics()
    leader = library.get_leader()["leader"]
    assert library.delete_leader() == {"message": "Leadership abdicated"}
    until(lambda: library.get_leader()["leader"] != leader)


def test_the_event_stream(library):
    events = library.event_stream(
        event_types=["event_stream_attached", "api_post_event", "deployment_success"]
    )
    assert next(events).event_type == "event_stream_attached"
    library.create_app("web", app())
    posted = next(events)
    assert (posted.event_type, posted.uri) == ("api_post_event", "/v2/apps")
    assert next(events).event_type == "deployment_success"
    events.close()
