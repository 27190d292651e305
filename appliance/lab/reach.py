"""Which folders have to be laid bare so that unprivileged users of a node reach the running code. Pure.

The programs run from a checkout that may lie below /root, in a private temporary folder, or below a folder
that each node replaces by its own, such as /tmp. They have to find it at the same path all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Cover:
    """An empty, open folder over `folder`, in which each of `paths` appears again."""

    folder: Path
    paths: tuple[Path, ...]


def covers(
    needed: Iterable[Path], replaced: Sequence[Path], traversable: Callable[[Path], bool]
) -> tuple[Cover, ...]:
    """What to cover so that each of `needed` stays reachable.

    `replaced` are folders that get covered anyway; `traversable` tells whether anybody may pass a folder.
    """
    hidden: dict[Path, list[Path]] = {}
    for path in _outermost(needed):
        folder = next((own for own in replaced if own in path.parents), None)
        folder = folder or next((step for step in _from_root(path) if not traversable(step)), None)
        if folder is not None:
            hidden.setdefault(folder, []).append(path)
    return tuple(Cover(folder, tuple(paths)) for folder, paths in hidden.items())


def _outermost(paths: Iterable[Path]) -> list[Path]:
    kept: list[Path] = []
    for path in sorted(set(paths), key=lambda path: len(path.parts)):
        if not any(other in path.parents for other in kept):
            kept.append(path)
    return kept


def _from_root(path: Path) -> list[Path]:
    return [*reversed(path.parents), path]
