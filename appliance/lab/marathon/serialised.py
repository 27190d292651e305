"""The JSON of apps, kept until they change: a list of thousands is put together from its parts."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

from appliance.lab.marathon import dialects
from appliance.lab.marathon.dialects import AppView

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from appliance.lab.marathon.state import State


class Serialised:
    """Used under the state's lock."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._kept: dict[tuple[str, bool, bool], tuple[object, bytes]] = {}

    def apps(self, app_ids: Iterable[str], *, tasks: bool, failure: bool) -> list[bytes]:
        deployments = defaultdict(list)
        for each in self._state.deployments:
            deployments[each.app_id].append(each.id)
        if len(self._kept) > 4 * len(self._state.apps) + 100:
            self._kept.clear()
        return [self._app(each, deployments.get(each, ()), tasks, failure) for each in app_ids]

    def app(self, app_id: str) -> bytes:
        """With all that can be embedded. Raises the 404 of an unknown one."""
        self._state.app(app_id)
        return self.apps([app_id], tasks=True, failure=True)[0]

    def _app(self, app_id: str, deployments: Sequence[str], tasks: bool, failure: bool) -> bytes:
        state = self._state
        stands_for = (state.revisions[app_id], state.dialect, tuple(deployments))
        known, text = self._kept.get((app_id, tasks, failure), (None, b""))
        if known != stands_for:
            view = AppView(
                state.app(app_id), state.of_app(app_id), deployments, state.last_failures.get(app_id)
            )
            made = dialects.app(view, state.dialect, tasks=tasks, failure=failure)
            text = json.dumps(made, separators=(",", ":")).encode()
            self._kept[app_id, tasks, failure] = stands_for, text
        return text
