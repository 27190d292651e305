"""appliance-lb: read Marathon, resolve, translate, render, plan, apply. Once, or as long as it runs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Callable

from appliance.errors import EngineError, NotRunningError
from appliance.haproxy.plan import Reload
from appliance.haproxy.render import APP_MAP, HOST_MAPS, Rendered
from appliance.marathon.access import Access
from appliance.marathon.client import Client
from appliance.marathon.resolve import Resolver, hosts
from appliance.marathon.watch import Watch
from appliance.programs import options
from appliance.programs.control import Control
from appliance.programs.follow import Follower
from appliance.programs.generator import Generator, summary
from appliance.programs.loop import Wake, Wakes

if TYPE_CHECKING:
    from appliance.haproxy.service import Service
    from appliance.programs.options import Request

log = logging.getLogger(__name__)


def show(request: Request) -> Rendered:
    """What HAProxy would be given. Changes nothing. Raises ApplianceError."""
    generator, _ = _generator(request, dry=True)
    return generator.rendered(Client(_access(request)).cluster())


def once(request: Request) -> str:
    """One pass, and what came of it. Raises ApplianceError when nothing was applied."""
    cluster = Client(_access(request)).cluster()
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
    follower = Follower(
        generator,
        Client(_access(request)),
        wakes=wakes,
        notices=notices,
        report=request.options.paths.lb_report if own else None,
        journal=request.options.paths.events if own else None,
        max_backoff_s=request.max_backoff_s,
        retry_s=request.retry_s,
    )
    control = Control(Path(generator.process.generator_socket), pages(generator.service))
    control.start()
    watch = _watch(request, wakes)
    if events:
        watch.start()
    try:
        follower.run()
    finally:
        if events:
            watch.stop()
        control.stop()


def pages(service: Service) -> dict[str, Callable[[], str]]:
    """What :9090 shows of the generator, by path."""
    return {
        "/_haproxy_getconfig": service.loaded,
        "/_haproxy_getpids": lambda: " ".join(map(str, service.reloads.pids())),
        "/_haproxy_getvhostmap": lambda: "".join(map(service.loaded_map, HOST_MAPS)),
        "/_haproxy_getappmap": lambda: service.loaded_map(APP_MAP),
    }


def _access(request: Request) -> Access:
    return Access(request.urls, request.credentials, request.ca_cert)


def _generator(request: Request, *, dry: bool = False) -> tuple[Generator, tuple[str, ...]]:
    process, notices = options.haproxy(request.options, dry=dry)
    resolver = Resolver()
    generator = Generator(
        service=options.service(request.options, process),
        process=process,
        selection=request.selection,
        resolve=lambda cluster: resolver.addresses(hosts(cluster)),
        exclude_refused=request.options.exclude_refused and request.options.validate,
    )
    return generator, notices


def _watch(request: Request, wakes: Wakes) -> Watch:
    told = [""]

    def lost(reason: str) -> None:
        if reason != told[0]:
            log.warning("Marathon's events: %s", reason)
        told[0] = reason
        wakes.put(Wake.DISCONNECTED)

    def attached(url: str) -> None:
        log.info("Marathon's events come from %s", url)
        told[0] = ""
        wakes.put(Wake.CONNECTED)

    return Watch(
        _access(request),
        on_event=lambda _kind: wakes.put(Wake.CHANGED),
        on_attached=attached,
        on_lost=lost,
        max_backoff_s=request.max_backoff_s,
    )
