"""appliance-lb: read Marathon, resolve, translate, render, plan, apply. Once, or as long as it runs."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Protocol

from appliance.errors import EngineError, NotRunningError
from appliance.haproxy import states
from appliance.haproxy.history import History
from appliance.haproxy.isolation import Isolation
from appliance.haproxy.leaving import TAKE_OVER_S
from appliance.haproxy.plan import NoChange
from appliance.haproxy.ports import Ports
from appliance.haproxy.process import remove_socket_folder
from appliance.haproxy.shared import APP_MAP, DOMAIN_MAP
from appliance.haproxy.statistics import server_states
from appliance.marathon.access import Access
from appliance.marathon.client import Client
from appliance.marathon.feed import Feed
from appliance.marathon.resolve import Resolver
from appliance.marathon.store import Store
from appliance.marathon.watch import Watch
from appliance.programs import last_good_file, operator_texts, options
from appliance.programs.control import Control
from appliance.programs.follow import Follower
from appliance.programs.generator import Generator, Outcome, summary
from appliance.programs.holding import Holding
from appliance.programs.last_good_file import LastGoodFile
from appliance.programs.loop import Wake, Wakes
from appliance.programs.operator_files import OperatorFiles
from appliance.programs.standalone import Haproxy
from appliance.services.listing import listing
from appliance.services.model import Ask
from appliance.status import apps

if TYPE_CHECKING:
    from collections.abc import Collection

    from appliance.haproxy.render import Rendered
    from appliance.haproxy.rollout import Rollout
    from appliance.haproxy.service import Service
    from appliance.marathon.model import Cluster, Endpoint
    from appliance.programs.options import Request

log = logging.getLogger(__name__)
STATISTICS_PATH = "/_haproxy_stats_csv"
"""Where HAProxy sends who asks for /haproxy?stats;csv."""


class Running(Protocol):
    """Something with threads of its own."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


def show(request: Request) -> Rendered:
    """What HAProxy would be given. Changes nothing. Raises ApplianceError."""
    generator, _, notices = _generator(request, dry=True)
    for notice in notices:
        log.warning("%s", notice)
    return generator.rendered(_read(request))


def once(request: Request) -> str:
    """One pass, and what came of it. Raises ApplianceError when nothing was applied."""
    pin = _history(request).pinned() if request.options.of_appliance else None
    if pin is not None:
        return f"unchanged: generation {pin.number} is held; 'appliance config release' ends it"
    cluster = _read(request)
    generator, _, notices = _generator(request)
    for notice in notices:
        log.warning("%s", notice)
    last_good = _last_good(request)
    generator.remember = last_good.save
    last_good.start()
    try:
        decision = _step(generator, cluster, request)
    except NotRunningError as error:
        raise EngineError(f"{request.options.config} is written, but {error}") from None
    finally:
        last_good.stop()
    for app_id, reason in generator.quarantined:
        log.warning("%s is not served as it asks: %s", app_id, reason)
    _let_go(generator.rollout)
    return "unchanged" if isinstance(decision, NoChange) else f"applied: {summary(decision.reasons)}"


def _let_go(rollout: Rollout) -> None:
    """Until no server takes requests that is to leave. Whoever applies next removes them."""
    ends = time.monotonic() + 2 * TAKE_OVER_S  # a HAProxy that has died answers never
    while rollout.departures.waiting and time.monotonic() < ends:
        time.sleep(max(rollout.departures.next_look - time.monotonic(), 0.0))
        rollout.look_after_leaving()


def _step(generator: Generator, cluster: Cluster, request: Request) -> Outcome:
    """One step, tried again as often as it was asked for."""
    for _ in itertools.repeat(None) if request.retries < 0 else range(request.retries):
        try:
            return generator.step(cluster)
        except NotRunningError:
            raise
        except EngineError as error:
            log.error("%s; again in %g s", error, request.retry_s)  # noqa: TRY400 - its words are all
        time.sleep(request.retry_s)
        generator.failed = ("", "")
    return generator.step(cluster)


def follow(request: Request, *, events: bool) -> None:
    """Keep HAProxy serving what Marathon runs until SIGTERM; without `events` by reading once a minute."""
    generator, operator_files, notices = _generator(request)
    for notice in notices:
        log.warning("%s", notice)
    own, with_haproxy = request.options.of_appliance, request.options.with_haproxy
    if (own or with_haproxy) and not request.options.config.exists():
        generator.service.place(generator.empty())  # HAProxy can start, and Marathon's picture is a reload
    wakes = Wakes()
    wakes.listen_to_signals()
    operator_files.on_change = lambda: wakes.put(Wake.CHANGED)
    access = _access(request)
    client = Client(access, prefer_host_ports=request.prefer_host_ports)
    feed = Feed(
        client,
        on_change=lambda: wakes.put(Wake.CHANGED),
        down=lambda places: _down(generator, places),
        store=Store(request.options.paths.picture) if own else None,
        period_s=request.poll_s,
    )
    follower = Follower(
        generator,
        feed,
        wakes=wakes,
        notices=notices,
        operator_files=operator_files,
        report=request.options.paths.lb_report if own else None,
        journal=request.options.paths.events if own else None,
        holding=Holding(generator, _history(request)) if own else None,
        retry_s=request.retry_s,
        retries=request.retries,
    )
    control = Control(
        Path(generator.process.generator_socket),
        {
            **pages(generator.service, maps=request.options.haproxy_map),
            apps.PAGE: lambda: apps_page(generator),
            **signals(wakes),
        },
    )
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

    ensembles: list[Running] = []
    if request.ensembles:
        from appliance.marathon.zookeeper import ZooKeeper  # noqa: PLC0415 - kazoo only where it is needed

        ensembles += (ZooKeeper(ensemble, access, on_change=led_by) for ensemble in request.ensembles)
    haproxy = [Haproxy(request.options.config, generator.process)] if with_haproxy else []
    last_good = _last_good(request)
    generator.remember = last_good.save
    sources: list[Running] = [*haproxy, last_good, control, operator_files, *ensembles, feed]
    if events:
        sources.append(watch)
    for source in sources:
        source.start()
    try:
        follower.run()
    finally:
        for source in reversed(sources):
            source.stop()
        if with_haproxy:
            remove_socket_folder(generator.process)


def _history(request: Request) -> History:
    paths = request.options.paths
    return History(paths.history, paths.pin, most=request.options.generations)


def pages(service: Service, *, maps: bool) -> dict[str, Callable[[], str]]:
    """What :9090 shows of the generator, by path. Without `maps` theirs are empty, as marathon-lb's are."""
    return {
        "/_haproxy_getconfig": service.loaded,
        STATISTICS_PATH: service.statistics,
        "/_haproxy_getpids": lambda: " ".join(map(str, service.reloads.pids())),
        "/_haproxy_getvhostmap": lambda: plain_map(service.loaded_map(DOMAIN_MAP)) if maps else "",
        "/_haproxy_getappmap": lambda: plain_map(service.loaded_map(APP_MAP)) if maps else "",
    }


def apps_page(generator: Generator) -> str:
    """All that is served, with HAProxy's word about each server. Raises EngineError before the first pass."""
    if generator.translation is None:
        raise EngineError("Marathon has not answered yet")
    states: dict[tuple[str, str], str] = {}
    with contextlib.suppress(EngineError):  # without HAProxy the rest is still true
        states = server_states(generator.service.statistics())
    return json.dumps(listing(generator.translation, generator.quarantined, states)) + "\n"


def plain_map(text: str) -> str:
    """A map of ours as marathon-lb writes it: `key backend`, one line for each backend that shares it."""
    entries = (line.partition(" ") for line in text.splitlines())
    return "".join(
        f"{key} {backend}\n"
        for key, _, target in entries
        for backend in target.removeprefix("https:").split("+")
    )


def signals(wakes: Wakes) -> dict[str, Callable[[], str]]:
    """What :9090 passes on, by path, with marathon-lb's answers."""

    def send(wake: Wake, name: str) -> str:
        wakes.put(wake)
        return f"Sent {name} signal to marathon-lb"

    return {
        "/_mlb_signal/hup": lambda: send(Wake.REGENERATE, "SIGHUP"),
        "/_mlb_signal/usr1": lambda: send(Wake.RELOAD, "SIGUSR1"),
    }


def _last_good(request: Request) -> LastGoodFile:
    return LastGoodFile(request.options.config.parent / last_good_file.NAME)


def _access(request: Request) -> Access:
    if not request.tls_verify:
        log.warning("Marathon's TLS certificates are not verified: whoever is in between may pose as it")
    return Access(request.urls, request.login, request.ca_cert, verify=request.tls_verify)


def _read(request: Request) -> Cluster:
    access = _access(request)
    if request.ensembles:
        from appliance.marathon import zookeeper  # noqa: PLC0415 - kazoo only where it is needed

        for ensemble in request.ensembles:
            access.found(str(ensemble), zookeeper.look(ensemble))
    return Client(access, prefer_host_ports=request.prefer_host_ports).cluster()


def _down(generator: Generator, places: Collection[Endpoint]) -> bool:
    """Whether HAProxy finds all of `places` down, as far as it checks them."""
    addresses = generator.resolve([place.host for place in places])
    found = [(addresses.get(place.host, place.host), place.port) for place in places]
    return states.down(Path(generator.process.socket), found)


def _generator(request: Request, *, dry: bool = False) -> tuple[Generator, OperatorFiles, tuple[str, ...]]:
    process, notices = options.haproxy(request.options, dry=dry)
    operator_files = OperatorFiles(
        request.options.certificates,
        request.options.paths.lua,
        folders=request.options.certificate_folders,
        dry=dry,
    )
    process = operator_files.furnish(process)
    texts, about_texts = operator_texts.usable(process, request.options.template_folder)
    process = replace(process, texts=texts.overridden)
    generator = Generator(
        service=options.service(request.options, process),
        process=process,
        selection=replace(request.selection, texts=texts),
        resolve=Resolver().addresses,
        furnish=operator_files.furnish,
        ports=None if dry else Ports(),
        own_app=request.own_app,
        exclude_refused=request.options.exclude_refused and request.options.validate,
    )
    generator.last_good = _last_good(request).load()
    generator.ask = Ask(
        port_fault=generator.ports.fault if generator.ports else lambda _address, _port: "",
        certificate_fault=lambda path: operator_files.store.usable(path) or "",
        text_fault=Isolation(lambda: generator.process) if request.options.validate else lambda _: "",
    )
    return generator, operator_files, (*notices, *about_texts)
