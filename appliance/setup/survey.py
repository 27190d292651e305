"""Everything that setup reads before it decides, and what it then would change. Writes nothing."""

from __future__ import annotations

import dataclasses
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from appliance import files, interfaces
from appliance import settings as toml
from appliance.errors import SettingsError, UsageError
from appliance.marathon import access
from appliance.marathon.access import Credentials
from appliance.marathon.ensemble import Ensemble
from appliance.paths import USER
from appliance.settings import FLOATING
from appliance.setup import apply, discover, domain, place, plan, preflight, render
from appliance.setup.model import Agents, Finding, Level, Masters, ok, warn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from appliance.paths import Paths
    from appliance.settings import Node, Settings
    from appliance.setup.model import Asked, Place
    from appliance.setup.plan import Change


@dataclass(frozen=True)
class Refused:
    """At least one of the findings is a FAIL."""

    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Survey:
    findings: tuple[Finding, ...]
    settings: Settings
    changes: tuple[Change, ...]


def survey(paths: Paths, asked: Asked, credentials_file: Path | None) -> Survey | Refused:
    """Look at this machine and its network. Raises SettingsError, UsageError, MissingError."""
    root = preflight.root()
    if root.level is Level.FAIL:
        return Refused((root,))
    existing = toml.load(paths.settings) if paths.settings.exists() else None
    if not asked.vip:
        if existing is None:
            raise UsageError("which address? give --vip ADDRESS, a free one in the slaves' subnet")
        asked = dataclasses.replace(asked, vip=existing.vip.address, discover_peers=False)
    was = existing is not None and existing.lb.floating
    floating = asked.mode == FLOATING if asked.mode else was
    findings = list(preflight.machine(paths, render.scripts(), USER, floating=floating, was=was))
    where = place.choose(
        interfaces.interfaces(), asked.vip, asked.interface or _kept_interface(asked, existing)
    )
    if isinstance(where, Finding):
        return Refused((*findings, where))
    login = _login(paths, existing, credentials_file)
    masters = _masters(paths, asked, existing, login)
    ranked = _ranked(paths, asked, existing, where, login)
    adverts = preflight.heard(where)
    others = [node for node in ranked.nodes if node.address != where.address]
    used = _kept_number(asked, existing) or preflight.number_of_nodes(asked.vip, adverts, others)
    strangers = preflight.strangers(asked.vip, adverts, where, ranked.nodes)
    taken = {it.virtual_router_id for it in strangers}
    taken |= {vip.virtual_router_id for vip in existing.more_vips} if existing else set()
    number = place.virtual_router_id(asked.vip, asked.virtual_router_id, used, taken)
    if isinstance(number, Finding):
        return Refused((*findings, number))
    findings += [masters.finding, ranked.finding]
    findings += preflight.wire(asked.vip, number, where, ranked.nodes, adverts)
    findings += _more_vips(existing, ranked.nodes)
    if any(finding.level is Level.FAIL for finding in findings):
        return Refused(tuple(findings))
    settings = plan.settings(
        asked,
        existing,
        place=where,
        virtual_router_id=number,
        nodes=ranked.nodes,
        masters=masters.urls,
        credentials_file=str(paths.credentials) if login else "",
    )
    toml.parse(toml.render(settings), "what was asked")  # refuses what the file could not say
    wanted = (*render.files(paths, settings, files.read(paths.settings), login), *_secret(paths, asked))
    findings += domain.findings(settings)
    return Survey(tuple(findings), settings, plan.changes(wanted, apply.present(wanted)))


def _more_vips(existing: Settings | None, nodes: Sequence[Node]) -> Iterator[Finding]:
    """What the networks of further VIPs say; of IPv6 nothing is asked."""
    for vip in existing.more_vips if existing else ():
        if vip.family == 6:
            continue
        where = place.choose(interfaces.interfaces(), vip.address, vip.interface)
        if isinstance(where, Finding):
            yield where
        else:
            adverts = preflight.heard(where)
            yield from preflight.wire(vip.address, vip.virtual_router_id, where, nodes, adverts)


def _secret(paths: Paths, asked: Asked) -> tuple[plan.File, ...]:
    """What the operator gave; one that is in place stays."""
    if not asked.cluster_secret:
        return ()
    text = asked.cluster_secret + "\n"
    return (plan.File(paths.cluster_secret, text, 0o600, f"{USER}:{USER}", secret=True),)


def _login(paths: Paths, existing: Settings | None, credentials_file: Path | None) -> Credentials | None:
    """From the file that was named, else what is in use."""
    if credentials_file is not None:
        return Credentials.load(credentials_file)
    if existing is not None and existing.marathon.credentials_file:
        return Credentials.load(paths.credentials)
    return None


def _masters(paths: Paths, asked: Asked, existing: Settings | None, login: Credentials | None) -> Masters:
    """Known masters stay and may be away: a node that is set up works without them."""
    known = existing.marathon.urls if existing else ()
    ca_cert = asked.marathon_ca_cert or (existing.marathon.ca_cert if existing else "")
    if ca_cert and not Path(ca_cert).is_file():
        raise SettingsError(f"{ca_cert}: no such file; it should hold the CA of Marathon's certificate")
    verify = (ca_cert or True) if existing is None or existing.marathon.tls_verify else False
    if asked.marathon and (named := _named(asked.marathon)) != known:
        return discover.masters(named, (), login, verify)
    if not known:
        return discover.found_masters(paths.root, login)
    found = discover.masters(known, (), login, verify)
    if found.finding.level is Level.FAIL and "401" not in found.finding.text:
        return Masters(known, warn("marathon", found.finding.text, "the last good configuration is served"))
    return found


def _named(urls: tuple[str, ...]) -> tuple[str, ...]:
    """Raises SettingsError naming the wrong one."""
    http = tuple(url for url in urls if not url.startswith("zk://"))
    ensembles = (Ensemble.parse(url) for url in urls if url.startswith("zk://"))
    if any(ensemble.login for ensemble in ensembles):
        raise SettingsError("a zk:// URL with a password would stand in a file that everybody can read")
    return (*(url for url in urls if url not in http), *(access.masters(http) if http else ()))


def _ranked(
    paths: Paths, asked: Asked, existing: Settings | None, where: Place, login: Credentials | None
) -> plan.Ranked:
    agents = Agents((), ok("peers", "not asked for"))
    if asked.discover_peers and not asked.peers:
        hosts = discover.slave_masters(paths.root) or tuple(
            host for url in asked.marathon if (host := urlsplit(url).hostname)
        )
        agents = discover.agents(asked.mesos, hosts, login, where.subnet)
    return plan.ranked(asked, existing, where, platform.node(), agents)


def _kept_interface(asked: Asked, existing: Settings | None) -> str:
    return existing.vip.interface if existing and existing.vip.address == asked.vip else ""


def _kept_number(asked: Asked, existing: Settings | None) -> int | None:
    return existing.vip.virtual_router_id if existing and existing.vip.address == asked.vip else None
