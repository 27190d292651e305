"""Text of keepalived's configuration and of the two scripts around it."""

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


def run_script(paths: Paths, keepalived: str) -> str:
    """`keepalived-run`, which supervisord starts; `keepalived` is the daemon's full path."""
    return templating.render("keepalived/keepalived-run.sh.j2", paths=paths, keepalived=keepalived)


def notify_script(paths: Paths) -> str:
    """`notify`, which takes the arguments of keepalived's notify scripts."""
    return templating.render("keepalived/notify.sh.j2", paths=paths)
