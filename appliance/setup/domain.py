"""Whether the domain leads to the VIP already. Never a reason to stop: records are often made last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.domain import judge, resolve
from appliance.domain.model import Target
from appliance.errors import MissingError
from appliance.setup.model import ok, warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.settings import Settings
    from appliance.setup.model import Finding


def findings(settings: Settings) -> Iterator[Finding]:
    """One for each name server that is asked, the machine's resolver first."""
    if not settings.dns.domain:
        return
    target = Target.of(settings)
    for server in ("", *settings.dns.servers):
        try:
            answer = resolve.ask(target.domain, server)
        except MissingError as error:
            yield warn("domain", str(error))
            continue
        found = judge.faults(answer, target)
        for fault in found:
            yield warn("domain", fault.text, fault.cure)
        if not found:
            yield ok("domain", f"{target.domain} is {', '.join(answer.addresses)} by {answer.source}")
