"""What this node shall have, against what it has. Pure: the same words are shown, applied and tested."""

from __future__ import annotations

import dataclasses
import difflib
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.settings import MAX_NODES, NAME, Cluster, Marathon, Node, Settings, Vip
from appliance.setup.model import Finding, fail, ok, warn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from appliance.setup.model import Agents, Asked, Place

LB = "appliance:lb"


@dataclass(frozen=True)
class Ranked:
    """The nodes in the order of their rank, and what is to be said about how they were found."""

    nodes: tuple[Node, ...]
    finding: Finding


def ranked(asked: Asked, existing: Settings | None, place: Place, host: str, agents: Agents) -> Ranked:
    """The nodes that share the VIP: named, else discovered, else this one alone (multicast).

    First ranks follow the addresses. A rank once given stays: newcomers are appended, and only a list
    of peers that leaves a node out removes it. `host` is this machine's name, for want of a better one.
    """
    own = Node(host, place.address)
    kept = _kept(existing, place)
    others = tuple(node for node in agents.nodes if node.address != own.address)
    strangers = [peer for peer in asked.peers if ipaddress.IPv4Address(peer.address) not in place.subnet]
    if strangers:
        text = f"{_listed(strangers)} cannot hold an address of {place.subnet}"
        return Ranked(kept, fail("peers", text, "name nodes of the VIP's subnet"))
    if asked.peers:
        members = {own.address, *(peer.address for peer in asked.peers)}
        found = ok("peers", f"named: {_listed(asked.peers)}")
    elif len(others) < MAX_NODES:
        members = {node.address for node in (own, *others, *kept)}
        found = _found(others, kept, agents)
    elif len(kept) > 1:
        members = {node.address for node in (own, *kept)}
        found = _found((), kept, agents)
    else:
        return Ranked(kept, _too_many(others))
    names = {node.address: node.name for node in (own, *agents.nodes, *asked.peers, *kept)}
    names.update((peer.address, peer.name) for peer in asked.peers if peer.name != peer.address)
    old = [node.address for node in kept if node.address in members]
    new = sorted(members.difference(old), key=ipaddress.IPv4Address)
    nodes = tuple(
        Node(names[address] if NAME.fullmatch(names[address]) else address, address)
        for address in (*old, *new)
    )
    return Ranked(nodes, found if len(nodes) <= MAX_NODES else _too_many(nodes))


def _kept(existing: Settings | None, place: Place) -> tuple[Node, ...]:
    """Known nodes, without this one's former address and without those of a subnet it has left."""
    if existing is None:
        return ()
    former = {existing.cluster.address} - {place.address}
    return tuple(
        node
        for node in existing.cluster.nodes
        if node.address not in former and ipaddress.IPv4Address(node.address) in place.subnet
    )


def _found(others: Sequence[Node], kept: Sequence[Node], agents: Agents) -> Finding:
    if others:
        return ok("peers", f"the other agents that Mesos lists: {_listed(others)}")
    if len(kept) > 1:
        return ok("peers", f"kept as they were: {_listed(kept)}")
    return warn(
        "peers",
        f"no other node is known ({agents.finding.text}): VRRP speaks multicast with equal priorities",
        "name the other nodes by --peer IP",
    )


def _too_many(nodes: Sequence[Node]) -> Finding:
    return fail(
        "peers",
        f"{len(nodes)} nodes could share the VIP, at most {MAX_NODES} can: {_listed(nodes)}",
        "name the other nodes by --peer IP",
    )


def _listed(nodes: Sequence[Node]) -> str:
    return ", ".join(
        node.address if node.name == node.address else f"{node.name} {node.address}" for node in nodes
    )


def settings(
    asked: Asked,
    existing: Settings | None,
    *,
    place: Place,
    virtual_router_id: int,
    nodes: tuple[Node, ...],
    masters: tuple[str, ...],
    credentials_file: str,
) -> Settings:
    """appliance.toml as it shall be. What was not asked for stays as it is."""
    before = existing or Settings(Vip("", "", 0), Cluster("", ()), Marathon(()))
    return dataclasses.replace(
        before,
        vip=dataclasses.replace(
            _preferring(before.vip, nodes),
            address=asked.vip,
            interface=place.interface,
            virtual_router_id=virtual_router_id,
        ),
        more_vips=tuple(_preferring(vip, nodes) for vip in before.more_vips),
        cluster=dataclasses.replace(before.cluster, address=place.address, nodes=nodes),
        marathon=dataclasses.replace(
            before.marathon,
            urls=masters,
            credentials_file=credentials_file,
            ca_cert=asked.marathon_ca_cert or before.marathon.ca_cert,
        ),
        lb=dataclasses.replace(
            before.lb, groups=asked.groups or before.lb.groups, mode=asked.mode or before.lb.mode
        ),
        dns=dataclasses.replace(
            before.dns,
            domain=asked.domain or before.dns.domain,
            servers=asked.dns_servers or before.dns.servers,
        ),
    )


def _preferring(vip: Vip, nodes: Sequence[Node]) -> Vip:
    """Without the names of nodes that are no more."""
    names = {node.name for node in nodes}
    return dataclasses.replace(vip, prefers=tuple(name for name in vip.prefers if name in names))


@dataclass(frozen=True)
class File:
    """A file as it shall be. Of a secret one the content is never shown."""

    path: Path
    text: str
    mode: int = 0o644
    owner: str = "root:root"
    secret: bool = False


@dataclass(frozen=True)
class Present:
    """A file as it is."""

    text: str
    mode: int
    owner: str


@dataclass(frozen=True)
class Change:
    file: File
    present: Present | None

    def diff(self) -> str:
        """Unified diff; one line if only mode or owner differ, or if the content is a secret."""
        path, before = self.file.path, self.present
        if before is not None and before.text == self.file.text:
            return f"{path}: {before.owner} {before.mode:o} -> {self.file.owner} {self.file.mode:o}\n"
        if self.file.secret:
            return self.summary()
        lines = difflib.unified_diff(
            before.text.splitlines() if before else [],
            self.file.text.splitlines(),
            str(path) if before else "/dev/null",
            str(path),
            lineterm="",
        )
        return "\n".join(lines) + "\n"

    def summary(self) -> str:
        """One line that shows nothing of the content."""
        lines = "not shown" if self.file.secret else f"{self.file.text.count(chr(10))} lines"
        return f"{self.file.path}: {'new content' if self.present else 'new file'}, {lines}\n"


def changes(wanted: Sequence[File], present: Mapping[Path, Present]) -> tuple[Change, ...]:
    """The files of `wanted` that are missing or differ; none: in sync."""
    found = ((file, present.get(file.path)) for file in wanted)
    return tuple(
        Change(file, before)
        for file, before in found
        if before is None or (before.text, before.mode, before.owner) != (file.text, file.mode, file.owner)
    )


def _of_generator(settings: Settings) -> tuple[object, ...]:
    access = settings.access
    by_vip = settings.grouped or any(vip.family == 6 for vip in settings.vips)
    by_vip = by_vip or "vip" in access.statistics_bind + access.app_id_bind
    vips = [(vip.address, vip.groups) for vip in settings.vips] if by_vip else []
    return settings.marathon, settings.lb, settings.policy, access, vips, set(settings.cluster.peers)


def affected(running: Settings | None, wanted: Settings, *, credentials_changed: bool) -> tuple[str, ...]:
    """Programs to restart, so that none runs with settings that are no more.

    Only the generator reads its settings once; the others follow the file. `running` None: not known.
    """
    if wanted.lb.floating:
        return ()
    changed = running is None or _of_generator(running) != _of_generator(wanted)
    return (LB,) if changed or credentials_changed else ()
