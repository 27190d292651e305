"""Whether an answer leads to the VIP. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.domain.model import Fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.domain.model import Answer, Target

LONGEST_TTL_S = 300
RECORDS = "'appliance dns lines' prints the records"


def faults(answer: Answer, target: Target) -> tuple[Fault, ...]:
    """None: every address that clients may get is a VIP."""
    name = target.domain
    if answer.problem:
        text = f"{name}: {answer.source} gives no answer: {answer.problem}"
        return (Fault("DOMAIN-NO-ANSWER", text, "see whether the name server runs and is reached"),)
    if not answer.addresses:
        return (Fault("DOMAIN-UNKNOWN", f"{answer.source} does not know {name}", RECORDS),)
    nodes = dict(target.nodes)
    others = [address for address in answer.addresses if address not in target.vips]
    at_nodes = [f"{nodes[address]}'s own {address}" for address in others if address in nodes]
    elsewhere = [address for address in others if address not in nodes]
    found = []
    if at_nodes:
        text = f"{name} points at {_listed(at_nodes)} by {answer.source}, which stays when the node fails"
        found.append(Fault("DOMAIN-AT-NODE", text, f"point it at {_listed(target.vips)}: {RECORDS}"))
    if elsewhere:
        text = f"{name} points at {_listed(elsewhere)} by {answer.source}, not at the VIP"
        found.append(Fault("DOMAIN-ELSEWHERE", text, f"point it at {_listed(target.vips)}: {RECORDS}"))
    return tuple(found)


def notes(answer: Answer, target: Target) -> tuple[str, ...]:
    """What is no fault, and good to know."""
    said = []
    if answer.ttl_s is not None and answer.ttl_s > LONGEST_TTL_S:
        said.append(
            f"its TTL is {answer.ttl_s} s: clients follow a changed record that late. A failover of the VIP "
            "changes no record"
        )
    missing = [vip for vip in target.vips if vip not in answer.addresses]
    if missing and len(missing) < len(target.vips):
        said.append(f"it does not name {_listed(missing)}, a VIP too")
    return tuple(said)


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
