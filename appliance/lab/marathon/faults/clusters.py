"""What happens to the masters. `act(masters, master, **options)` does it and gives what undoes it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Protocol

from appliance.lab.marathon.faults.kind import Kind, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

Undo = Callable[[], None]


class Masters(Protocol):
    """The masters, each called by its host:port."""

    @property
    def netlocs(self) -> Sequence[str]: ...

    @property
    def leader(self) -> str | None: ...

    def abdicate(self) -> None: ...

    def exit(self, netloc: str) -> None:
        """Its port refuses, its connections are gone."""

    def restart(self, netloc: str) -> None:
        """After `exit` or `hang`."""

    def hang(self, netloc: str, *, expires: bool) -> None:
        """It accepts and never answers; another one leads when its session `expires`."""

    def elections_take(self, seconds: float) -> Undo: ...

    def confuse(self) -> Undo:
        """Each master takes the next one for the leader."""

    def flavours(self, names: Sequence[str]) -> Undo:
        """Upgrade or downgrade them, in turn. Raises RefusedError."""


def _nothing() -> None:
    pass


def _abdicate(masters: Masters, _: str | None) -> Undo:
    masters.abdicate()
    return _nothing


def _one(masters: Masters, master: str | None) -> str:
    return master or masters.leader or masters.netlocs[0]


def _exit(masters: Masters, master: str | None) -> Undo:
    chosen = _one(masters, master)
    masters.exit(chosen)
    return partial(masters.restart, chosen)


def _hang(expires: bool, masters: Masters, master: str | None) -> Undo:
    chosen = _one(masters, master)
    masters.hang(chosen, expires=expires)
    return partial(masters.restart, chosen)


def _all_down(masters: Masters, _: str | None) -> Undo:
    for each in masters.netlocs:
        masters.exit(each)

    def undo() -> None:
        for each in masters.netlocs:
            masters.restart(each)

    return undo


def _slow_election(masters: Masters, _: str | None, election_s: float) -> Undo:
    undo = masters.elections_take(election_s)
    masters.abdicate()
    return undo


def _confuse(masters: Masters, _: str | None) -> Undo:
    return masters.confuse()


def _mixed(masters: Masters, _: str | None, flavours: Sequence[str]) -> Undo:
    return masters.flavours(flavours)


def _kind(name: str, text: str, act: Callable[..., Any], **options: Any) -> Kind:
    return Kind(name, Stage.CLUSTER, text, act, options)


KINDS = (
    _kind("leader-abdicate", "the leader steps down, another one is elected", _abdicate),
    _kind("master-exit", "the leader, or the master named, exits; cleared: it starts again", _exit),
    _kind(
        "master-hang",
        "it accepts and never answers, loses its session; cleared: it starts again",
        partial(_hang, True),
    ),
    _kind("master-deadlock", "it accepts and never answers, and keeps leading", partial(_hang, False)),
    _kind("masters-down", "all masters refuse; cleared: all start again", _all_down),
    _kind(
        "election-slow", "the leader steps down and the election takes long", _slow_election, election_s=10.0
    ),
    _kind(
        "masters-confused", "each master takes the next one for the leader (proxy loop, 302 loop)", _confuse
    ),
    _kind("masters-mixed", "versions differ, as in an upgrade", _mixed, flavours=["1.4", "1.8", "1.6"]),
)
