"""Two owners of one VIP, as each side can notice them. Pure.

A sign counts once it lasted longer than any election takes. While this node owns the VIP, signs are: an
advert of another node, an ARP packet in which another machine claims the address, a peer whose agent says
that its interface has it. A node that does not own it hears two that announce it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.keepalived.notify import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TWO_OWNERS = "VIP-TWO-OWNERS"
ALONE = "VIP-PEERS-SILENT"
LASTING_S = 1.0
LASTING_AGENT_S = 4.0
"""A peer's word may be two seconds old, and it is asked again only then."""
FRESH_S = 1.0
FRESH_CLAIM_S = 12.0
"""An owner repeats its gratuitous ARP each 10 s."""
SETTLED_S = 2.0
"""So long after it took over, a claim of the owner before may still be on its way."""
SILENT_S = 5.0

ADVERT, CLAIM, AGENT, SILENCE = "advert", "claim", "agent", "silence"
Sign = tuple[str, str]
"""What kind, and of whom."""


@dataclass(frozen=True)
class Look:
    """What was noticed since the last one."""

    state: State
    announced_by: Sequence[str] = ()
    """Addresses of other nodes that sent an advert, one that gives up left out."""
    claimed_by: Sequence[str] = ()
    """MAC addresses."""
    holders: Sequence[str] = ()
    """Addresses of peers that say they have it."""
    silent: bool = False
    """There are peers, and none of them answers."""


@dataclass(frozen=True)
class Rivals:
    """First and last time of each sign; times are those given to `step`."""

    signs: Mapping[Sign, tuple[float, float]]
    state: State = State.UNKNOWN
    since: float = 0.0


NOBODY = Rivals({})


def step(before: Rivals, look: Look, now: float) -> Rivals:
    since = before.since if look.state is before.state else now
    owner = look.state is State.MASTER
    seen: list[Sign] = [(ADVERT, source) for source in look.announced_by]
    if owner and now - since >= SETTLED_S:
        seen += [(CLAIM, mac) for mac in look.claimed_by]
    if owner:
        seen += [(AGENT, address) for address in look.holders]
        seen += [(SILENCE, "")] if look.silent else []
    old = before.signs if look.state is before.state else {}
    kept = {sign: times for sign, times in old.items() if now - times[1] <= _fresh_s(sign)}
    signs = {**kept, **{sign: (kept.get(sign, (now, now))[0], now) for sign in seen}}
    return Rivals(signs, look.state, since)


def _fresh_s(sign: Sign) -> float:
    return FRESH_CLAIM_S if sign[0] == CLAIM else FRESH_S


def _lasts(sign: Sign, times: tuple[float, float]) -> bool:
    least = {ADVERT: LASTING_S, CLAIM: 0.0, AGENT: LASTING_AGENT_S, SILENCE: SILENT_S}[sign[0]]
    return times[1] - times[0] >= least


def alarm(rivals: Rivals, vip: str, names: Mapping[str, str]) -> tuple[str, str]:
    """Id and text, with the cure; ('', '') while nothing is wrong. `names`: of nodes by address."""
    lasting = [sign for sign, times in sorted(rivals.signs.items()) if _lasts(sign, times)]

    def of(kind: str) -> str:
        return " and ".join(names.get(who, who) for sort, who in lasting if sort == kind)

    if rivals.state is not State.MASTER:
        if len(lasting) < 2:
            return "", ""
        return (
            TWO_OWNERS,
            f"{vip} is announced by {of(ADVERT)}: let protocol 112 pass between them, both ways",
        )
    for kind, (identity, text) in WORDS.items():
        if any(sort == kind for sort, _ in lasting):
            return identity, text.format(vip=vip, who=of(kind))
    return "", ""


WORDS = {
    ADVERT: (
        TWO_OWNERS,
        (
            "{vip} is announced by {who} too, which does not hear this node: let protocol 112 pass, "
            "or give one of them another virtual router id"
        ),
    ),
    AGENT: (
        TWO_OWNERS,
        "{vip} is on {who} too, whose adverts do not arrive here: let protocol 112 pass between the nodes",
    ),
    CLAIM: (
        TWO_OWNERS,
        (
            "{vip} is claimed by MAC {who} too, a node cut off from this one or a stranger: "
            "see whose it is, and let protocol 112 pass between the nodes"
        ),
    ),
    SILENCE: (
        ALONE,
        (
            "no peer answers: those that live own {vip} too; see the network between the nodes "
            "(protocol 112 and TCP 9099)"
        ),
    ),
}
"""What this node says as an owner, the surest sign first."""
