"""What has to be true of this machine and its network before anything is written. One finding a check."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import pwd
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance import commands
from appliance.errors import MissingError
from appliance.files import read
from appliance.settings import AGENT_PORT
from appliance.setup import network, ports, systemd
from appliance.setup.model import Finding, Level, fail, ok, warn
from appliance.setup.node import ask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from appliance.paths import Paths
    from appliance.settings import Node
    from appliance.setup.model import Place

PORTS = (80, 443, 9090, 9091, AGENT_PORT)
OLDEST_HAPROXY = (2, 4)
"""Of what is rendered, 2.2 does not know `host_only` and `idle-close-on-response`."""
OLDEST_KEEPALIVED = (2, 1)
TOOLS = ("setpriv", "chrt", "ip")
HANDOVER_TOOLS = ("nft", "ss")
ADVERT_INTERVALS_S = 1.0
"""Three of the default 0.1 s with room for a busy neighbour."""

JUST_STARTED_S = 4.0
"""How long a node that is being set up beside this one may have the VIP before its agent says so."""

EXIT_MISSING = 69


MARATHONS = (
    "that is the load balancer which Marathon runs here: set up the other nodes first, run 'appliance drain' "
    "here, stop its app, run this again, then 'appliance undrain'"
)


def machine(paths: Paths, scripts: Path, user: str, *, floating: bool, was: bool) -> tuple[Finding, ...]:
    """Everything that can be seen without knowing the VIP. `was`: the node is floating so far."""
    held = held_ports(paths, (AGENT_PORT,) if floating else PORTS, MARATHONS if was else "stop that process")
    return (
        haproxy(needed=not floating),
        *engines(),
        users(user, haproxy=not floating),
        installation(scripts, paths.root),
        *held,
        distro_units(),
    )


def haproxy(*, needed: bool) -> Finding:
    """There and new enough. Where Marathon runs the load balancer it may have its own, in an image."""
    try:
        found = haproxy_version(commands.run(["haproxy", "-v"]).output)
    except MissingError as error:
        text, _, cure = str(error).partition(": ")
        found = fail("engines", text, cure, EXIT_MISSING)
    if needed or found.level is not Level.FAIL:
        return found
    return warn("engines", found.text, f"the app of 'appliance marathon-app' needs it here: {found.cure}")


def engines() -> Iterator[Finding]:
    """The rest that a node cannot do without: keepalived and the small tools."""
    try:
        commands.find("keepalived")
        yield keepalived_version(commands.run(["keepalived", "--version"]).message)
        for tool in TOOLS:
            commands.find(tool)
    except MissingError as error:
        text, _, cure = str(error).partition(": ")
        yield fail("engines", text, cure, EXIT_MISSING)
    yield handover()
    if importlib.util.find_spec("supervisor") is None:
        yield fail("engines", "the Python package supervisor is missing", "install it", EXIT_MISSING)


def keepalived_version(said: str) -> Finding:
    """Judge what `keepalived --version` said: `Keepalived v2.2.7 (01/16,2022)`."""
    match = re.search(r"Keepalived v(\d+)\.(\d+)\S*", said)
    if match is None:
        return warn("keepalived", "its version could not be read")
    if (int(match[1]), int(match[2])) < OLDEST_KEEPALIVED:
        oldest = ".".join(map(str, OLDEST_KEEPALIVED))
        cure = f"install {oldest} or newer: an older one knows no track files"
        return fail("keepalived", f"{match[0]} is too old", cure, EXIT_MISSING)
    return ok("keepalived", match[0])


def handover() -> Finding:
    """What the VIP's planned moves need to keep open connections; the appliance works without."""
    try:
        for tool in HANDOVER_TOOLS:
            commands.find(tool)
    except MissingError as error:
        return warn("handover", f"{error}; until then a planned move of the VIP cuts open connections")
    return ok("handover", "nft and ss are installed")


def haproxy_version(said: str) -> Finding:
    """Judge what `haproxy -v` said: `HAProxy version 2.6.12-1 …`, `HA-Proxy version 2.2.9-2 …`."""
    match = re.search(r"version (\d+)\.(\d+)\S*", said)
    if match is None:
        return warn("haproxy", "its version could not be read")
    if (int(match[1]), int(match[2])) < OLDEST_HAPROXY:
        oldest = ".".join(map(str, OLDEST_HAPROXY))
        return fail("haproxy", f"{match[0]} is too old", f"install {oldest} or newer", EXIT_MISSING)
    return ok("haproxy", match[0])


def users(user: str, *, haproxy: bool = True) -> Finding:
    """`user` can be made if it is not there; HAProxy's own comes with its package."""
    try:
        if haproxy:
            pwd.getpwnam("haproxy")
    except KeyError:
        return fail("users", "there is no user 'haproxy'", "add it: useradd -r haproxy")
    try:
        pwd.getpwnam(user)
    except KeyError:
        commands.find("useradd")
        return ok("users", f"{user} will be added")
    return ok("users", f"{user} is there")


def installation(scripts: Path, root: Path) -> Finding:
    """Most programs drop root: what they run from, and their files, have to be open to others."""
    package = Path(__file__).resolve().parent
    for place in (scripts, package, root):
        for folder in (place, *place.parents):
            if folder.exists() and not folder.stat().st_mode & 0o001:
                return fail(
                    "installation",
                    f"{folder} is closed to other users, and most programs of {place} do not run as root",
                    "use a folder that others may enter, for example below /opt",
                )
    return ok("installation", str(scripts))


def held_ports(paths: Paths, wanted: Sequence[int], cure: str) -> Iterator[Finding]:
    """Each port is free or held by this node's own processes."""
    supervisord = (read(paths.supervisord_pid) or "").strip()
    for listener in ports.listeners(wanted):
        if supervisord in map(str, (*listener.ancestors, listener.pid)):
            continue
        if systemd.running() and any(f"/{unit}" in listener.unit for unit in systemd.DISTRO_UNITS):
            yield warn(
                f"port-{listener.port}", f"is held by the distribution's {listener}: it will be stopped"
            )
        else:
            yield fail(f"port-{listener.port}", f"is held by {listener}", cure)


def distro_units() -> Finding:
    """The distribution's units would start a second HAProxy or keepalived at every upgrade."""
    found = [unit for unit in systemd.DISTRO_UNITS if systemd.exists(unit) and not systemd.masked(unit)]
    if systemd.running() and found:
        return warn("distro-units", f"{' and '.join(found)} will be stopped, disabled and masked")
    return ok("distro-units", "none in the way")


def heard(place: Place) -> tuple[network.Advert, ...]:
    """Who speaks VRRP on the VIP's network."""
    return network.adverts(place.interface, ADVERT_INTERVALS_S)


def strangers(
    vip: str, adverts: Sequence[network.Advert], place: Place, nodes: Sequence[Node]
) -> tuple[network.Advert, ...]:
    """Those that are not of this appliance. Who announces our VIP is."""
    known = {node.address for node in nodes} | {place.address}
    return tuple(it for it in adverts if it.source not in known and vip not in it.addresses)


def number_of_nodes(vip: str, adverts: Sequence[network.Advert], nodes: Sequence[Node]) -> int | None:
    """The virtual router id that other nodes use for `vip`; None if none says one."""
    announced = (it.virtual_router_id for it in adverts if vip in it.addresses)
    with ThreadPoolExecutor(max(len(nodes), 1)) as all_at_once:
        answers = list(all_at_once.map(lambda node: ask(node.address), nodes))
    said = (_of_vip(answer, vip).get("virtual_router_id") for answer in answers)
    return next((number for number in (*said, *announced) if isinstance(number, int)), None)


def _of_vip(answer: Mapping[str, Any], vip: str) -> Mapping[str, Any]:
    listed = answer.get("vips")
    found = (it for it in listed if it.get("address") == vip) if isinstance(listed, list) else ()
    return next(iter(found), {})


def wire(
    vip: str, number: int, place: Place, nodes: Sequence[Node], adverts: Sequence[network.Advert]
) -> tuple[Finding, ...]:
    """What the VIP's network says."""
    return vip_free(vip, place, nodes), vrid_free(vip, number, strangers(vip, adverts, place, nodes))


def vip_free(vip: str, place: Place, nodes: Sequence[Node]) -> Finding:
    """Nobody answers ARP for the VIP but a node of this appliance."""
    answering = network.owners(place.interface, vip)
    if not answering:
        return ok("vip-free", f"nobody else answers for {vip}")
    others = [node.address for node in nodes if node.address != place.address]
    end = time.monotonic() + JUST_STARTED_S
    while time.monotonic() < end:
        for address in (vip, *others):
            status = ask(address)
            if (status.get("vip") == vip and status.get("holds_vip")) or _of_vip(status, vip).get("holds"):
                return ok("vip-free", f"{vip} is held by {status.get('name')}, a node of this appliance")
        time.sleep(0.2)
    return fail(
        "vip-free",
        f"{vip} already answers on {place.interface}: MAC {', '.join(answering)}",
        "choose a free address or take it from that machine",
    )


def vrid_free(vip: str, number: int, adverts: Sequence[network.Advert]) -> Finding:
    """No stranger among `adverts` speaks VRRP with our virtual router id."""
    for advert in adverts:
        used = (
            f"virtual router id {advert.virtual_router_id} is used by {advert.source} for "
            f"{', '.join(advert.addresses) or 'no address'} with priority {advert.priority}"
        )
        if advert.virtual_router_id == number:
            return fail("vrid-free", used, f"choose another for {vip}, by --vrid or in appliance.toml")
        if advert.virtual_router_id == int(ipaddress.ip_address(vip)) & 255:
            return warn("vrid-free", used, f"{vip} is given {number}: set up every node with it")
    return ok("vrid-free", f"no stranger uses virtual router id {number}")


def root() -> Finding:
    if os.geteuid() != 0:
        return fail("root", "setup changes this machine", "run it with sudo", 77)
    return ok("root", "running as root")
