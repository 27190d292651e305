"""One service alone in a configuration: would HAProxy load it? Asked once for the same content."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Callable

from appliance.haproxy.render import render
from appliance.haproxy.trial import refusal

if TYPE_CHECKING:
    from appliance.haproxy.model import LoadBalancer, Process

_REMEMBERED = 20_000


class Isolation:
    """Verdicts by content. `process` says how the HAProxy runs that the texts are for."""

    def __init__(self, process: Callable[[], Process]) -> None:
        self._process = process
        self._verdicts: dict[tuple[LoadBalancer, tuple[str, ...]], str] = {}

    def __call__(self, alone: LoadBalancer) -> str:
        """HAProxy's words if it refuses, else ''."""
        process = self._process()
        key = (alone, process.certificates)
        if key not in self._verdicts:
            if len(self._verdicts) >= _REMEMBERED:
                self._verdicts.clear()
            self._verdicts[key] = trial(alone, process)
        return self._verdicts[key]


def trial(load_balancer: LoadBalancer, process: Process) -> str:
    """HAProxy's words if it refuses `load_balancer`, else ''. Nothing of the node's own files is touched."""
    with tempfile.TemporaryDirectory(prefix="appliance-lb-") as folder:
        here = replace(
            process,
            folder=folder,
            socket=f"{folder}/s",
            generator_socket=f"{folder}/g",
            file_descriptors=None,
            certificates=tuple(path for path in process.certificates if Path(path).exists()),
            user="",
            group="",
        )
        rendered = render(load_balancer, here)
        maps = Path(folder, rendered.maps_folder)
        maps.mkdir()
        for name, text in rendered.maps.items():
            (maps / name).write_text(text)
        return refusal(rendered.config)
