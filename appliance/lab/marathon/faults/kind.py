"""What a kind of fault is, and one that is switched on."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from threading import Event
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.lab.marathon.messages import Request


class Stage(Enum):
    """Where a kind takes effect; it decides what its `act` gets and gives."""

    ANSWER = "answers a request instead of Marathon"
    BODY = "changes an answer's bytes"
    CONTENT = "changes an answer's JSON"
    FRAME = "changes the frames of the event stream"
    STREAM = "ends an event stream, or its life"
    BURST = "writes to the open event streams, at once"
    CLUSTER = "happens to the masters, at once"


PATHS = {
    Stage.ANSWER: "/v2/*",
    Stage.BODY: "/v2/apps*",
    Stage.CONTENT: "/v2/apps*",
    Stage.FRAME: "/v2/events",
    Stage.STREAM: "/v2/events",
    Stage.BURST: "/v2/events",
    Stage.CLUSTER: "",
}
"""The requests a kind concerns where nothing else is asked for."""


@dataclass(frozen=True)
class Kind:
    """`act` depends on the stage, see the module of each; `options` are its defaults."""

    name: str
    stage: Stage
    text: str
    act: Callable[..., Any]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Fault:
    """A kind that is switched on. `left` counts down; None = until cleared."""

    id: str
    kind: Kind
    path: str
    options: Mapping[str, Any]
    master: str | None = None
    """host:port of the one it concerns."""
    client: str | None = None
    """Address of the one it concerns."""
    left: int | None = None
    hits: int = 0
    over: Event = field(default_factory=Event)
    """Set when it is cleared."""
    memory: dict[Any, Any] = field(default_factory=dict)
    """What its `act` remembers from one call to the next."""
    undo: Callable[[], None] | None = None

    def concerns(self, master: str, request: Request) -> bool:
        """One for no master in particular acts where a client meets it, not again behind a standby."""
        here = self.master == master if self.master else not request.header("X-Marathon-Via")
        return here and self.client in (None, request.client_ip) and fnmatchcase(request.path, self.path)

    @property
    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind.name,
            "path": self.path,
            "master": self.master,
            "client": self.client,
            "left": self.left,
            "hits": self.hits,
            **self.options,
        }
