"""appliance-lb: read Marathon, resolve, translate, render, plan, apply. Once, or as long as it runs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Protocol

from appliance.errors import EngineError, NotRunningError
from appliance.haproxy import states
from appliance.haproxy.plan import Reload
from appliance.haproxy.render import APP_MAP, HOST_MAPS, Rendered
from appliance.marathon import zookeeper
from appliance.marathon.access import Access
from appliance.marathon.client import Client
from appliance.marathon.feed import Feed
from appliance.marathon.resolve import Resolver
from appliance.marathon.store import Store
from appliance.marathon.watch import Watch
from appliance.marathon.zookeeper import ZooKeeper
from appliance.programs import options
from appliance.programs.control import Control
from appliance.programs.follow import Follower
from appliance.programs.generator import Generator, summary
from appliance.programs.loop import Wake, Wakes

if TYPE_CHECKING:
    from collections.abc import Collection

    from appliance.haproxy.service import Service
    from appliance.marathon.model import Cluster, Endpoint
    from appliance.programs.options import Request

log = logging.getLogger(__name__)


class Running(Protocol):
    """Something with threads of its own."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


def show(request: Request) -> Rendered:
    """What HAProxy would be given. Changes nothing. Raises ApplianceError."""
    generator, _ = _generator(request, dry=True)
    return generator.rendered(_read(request))


def once(request: Request) -> str:
    """One pass, and what came of it. Raises ApplianceError when nothing was applied."""
    cluster = _read(request)
    generator, notices = _generator(request)
    for notice in notices:
        log.warning("%s", notice)
    try:
        decision = generator.step(cluster)
    except NotRunningError as error:
        raise EngineError(f"{request.options.config} is written, but {error}") from None
    for app_id, reason in generator.quarantined:
        log.warning("%s is left out: %s", app_id, reason)
    return f"applied: {summary(decision.reasons)}" if isinstance(decision, Reload) else "unchanged"


def follow(request: Request, *, events: bool) -> None:
    """Keep HAProxy serving what Marathon runs until SIGTERM; without `events` by reading once a minute."""
    generator, notices = _generator(request)
    for notice in notices:
        log.warning("%s", notice)
    own = request.options.of_appliance
    if own and not request.options.config.exists():
        generator.service.place(generator.empty())  # HAProxy can start, and Marathon's picture is a reload
    wakes = Wakes()
    wakes.listen_to_signals()
    access = _access(request)
    client = Client(access)
    feed = Feed(
        client,
        on_change=lambda: wakes.put(Wake.CHANGED),
        down=lambda places: _down(generator, places),
        store=Store(request.options.paths.picture) if own else None,
    )
    follower = Follower(
        generator,
        feed,
        wakes=wakes,
        notices=notices,
        report=request.options.paths.lb_report if own else None,
        journal=request.options.paths.events if own else None,
        retry_s=request.retry_s,
    )
    control = Control(Path(generator.process.generator_socket), pages(generator.service))
    watch = Watch(
        access,
        on_event=feed.hear,
        on_attached=feed.attached,
        on_lost=feed.lost,
        max_backoff_s=request.max_backoff_s,
    )

    def led_by(url: str) -> None:
        client.prefer(url)
        watch.prefer(url)
        feed.read_all("ZooKeeper names other masters")

    ensembles = [ZooKeeper(ensemble, access, on_change=led_by) for ensemble in request.ensembles]
    sources: list[Running] = [control, *ensembles, feed, *([watch] if events else [])]
    for source in sources:
        source.start()
    try:
        follower.run()
    finally:
        for source in reversed(sources):
            source.stop()


def pages(service: Service) -> dict[str, Callable[[], str]]:
    """What :9090 shows of the generator, by path."""
    return {
        "/_haproxy_getconfig": service.loaded,
        "/_haproxy_getpids": lambda: " ".join(map(str, service.reloads.pids())),
        "/_haproxy_getvhostmap": lambda: "".join(map(service.loaded_map, HOST_MAPS)),
        "/_haproxy_getappmap": lambda: service.loaded_map(APP_MAP),
    }


def _access(request: Request) -> Access:
    if not request.tls_verify:
        log.warning("Marathon's TLS certificates are not verified: whoever is in between may pose as it")
    return Access(request.urls, request.login, request.ca_cert, verify=request.tls_verify)


def _read(request: Request) -> Cluster:
    access = _access(request)
    for ensemble in request.ensembles:
        access.found(str(ensemble), zookeeper.look(ensemble))
    return Client(access).cluster()


def _down(generator: Generator, places: Collection[Endpoint]) -> bool:
    """Whether HAProxy finds all of `places` down, as far as it checks them."""
    addresses = generator.resolve([place.host for place in places])
    found = [(addresses.get(place.host, place.host), place.port) for place in places]
    return states.down(Path(generator.process.socket), found)


def _generator(request: Request, *, dry: bool = False) -> tuple[Generator, tuple[str, ...]]:
    process, notices = options.haproxy(request.options, dry=dry)
    generator = Generator(
        service=options.service(request.options, process),
        process=process,
        selection=request.selection,
        resolve=Resolver().addresses,
        exclude_refused=request.options.exclude_refused and request.options.validate,
    )
    return generator, notices
