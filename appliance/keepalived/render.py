"""Text of keepalived's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance import templating
from appliance.keepalived.model import INSTANCE

if TYPE_CHECKING:
    from appliance.keepalived.model import VrrpInstance
    from appliance.paths import Paths


def configuration(vrrp: VrrpInstance, paths: Paths) -> str:
    """keepalived.conf of this node."""
    return templating.render("keepalived/keepalived.conf.j2", instance=INSTANCE, vrrp=vrrp, paths=paths)
