"""Text of keepalived's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance import templating

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.keepalived.model import VrrpInstance
    from appliance.paths import Paths


def configuration(router: str, instances: Sequence[VrrpInstance], paths: Paths) -> str:
    """keepalived.conf of the node called `router`."""
    return templating.render("keepalived/keepalived.conf.j2", router=router, instances=instances, paths=paths)
