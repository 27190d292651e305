"""The agent: answers the operator and the other nodes on its own port."""

from __future__ import annotations

import logging
import signal
import threading
from typing import TYPE_CHECKING

from appliance import settings
from appliance.errors import ApplianceError
from appliance.programs.acquaintance import Acquaintance
from appliance.programs.domain import Watch
from appliance.settings import AGENT_PORT
from appliance.status import web
from appliance.status.page import pages
from appliance.status.page.live import Live
from appliance.trust import Trust

if TYPE_CHECKING:
    from types import FrameType

    from appliance.paths import Paths

log = logging.getLogger(__name__)


def main(paths: Paths) -> int:
    current = settings.Current(paths.settings)
    live = Live(paths, current.read)
    try:
        server = web.server(
            web.application(paths, current.read, live),
            lambda address: any(node.address == address for node in current.read().cluster.nodes),
        )
    except OSError as error:
        raise ApplianceError(f"the agent cannot listen on port {AGENT_PORT}: {error.strerror}") from None

    try:
        Trust(paths).begin()
    except OSError as error:
        log.warning("no secret of this node, so no orders from others: %s", error)
    Acquaintance(paths, current.read).start()
    Watch(paths, current.read).start()
    pages.load()
    live.start()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        # shutdown() waits for serve_forever(), which this very thread runs.
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.info("answers on port %s", AGENT_PORT)
    with server:
        server.serve_forever(poll_interval=0.2)
    return 0
